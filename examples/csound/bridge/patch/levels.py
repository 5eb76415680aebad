"""How loud each string is, from Csound to the audience, twenty times a second while something sounds."""

EVERY = 3  # frames


def onFrameStart(frame):
    if frame % EVERY:
        return
    csound, show = op('csound1'), op('socketio1')
    levels = [round(csound[f'kamps{string}'].eval(), 3) for string in range(6) if csound[f'kamps{string}'] is not None]
    if len(levels) == 6 and levels != csound.fetch('levels', None):
        csound.store('levels', levels)
        # A phone on a slow line gets the next ones instead of late ones.
        show.emit('levels', levels, volatile=True)
