def onServerStart(dat):
    pass
