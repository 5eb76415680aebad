"""Echo, a guest who greets whoever comes, and whoever names it hears what was said before.

Save this file while people talk: Echo has changed its mind and has not left the room.
"""
import random

ME = 'Echo'  # as the address in patch.toml has it


def onReceiveText(dat, rowIndex, message):
    print(message)
    if message.endswith(' is here') and ': ' not in message:
        name = message.removesuffix(' is here')
        if name != ME:
            dat.sendText(f'Hello, {name}. Say my name, and I remember something.')
        return
    name, _, words = message.partition(': ')
    if name != ME and ME.lower() in words.lower():
        dat.sendText(memory(dat, rowIndex))


def memory(dat, until):
    """What somebody has said in a row above this one, if it was not to Echo."""
    lines = [row[0].val.partition(': ') for row in dat.rows()[1:until]]
    said = [(name, words) for name, _, words in lines if words and name != ME and ME.lower() not in words.lower()]
    if not said:
        return 'I have heard nothing yet.'
    name, words = random.choice(said)
    return f'{name} said: {words}'
