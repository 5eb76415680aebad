"""Names of the script's own are not TouchDesigner's, whatever they are called."""
import functools
import math as project

import helper
import monitors

from helper import *


class licenses:
    isPro = True


def fetchStamp():
    return project.tau, licenses.isPro, monitors.primary
