def onServerStart(dat):
    pass


def onServerStop(dat):
    print("bye" ?)
