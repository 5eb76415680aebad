"""Tools. Importing this package registers all of them."""

from .registry import REGISTRY, ToolError, tool
from . import network, notes

__all__ = ['REGISTRY', 'ToolError', 'tool', 'network', 'notes']
