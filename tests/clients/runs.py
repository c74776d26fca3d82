"""Runs of scripts that several test modules look at: started once, whoever asks first."""

from __future__ import annotations

from tests.clients.running import Run

KINDS = ("Firecrest", "AsyncFirecrest")
CLIENTS = {kind: Run("both", {"KIND": kind}) for kind in KINDS}
PATHS = {"FcPath": Run("paths")}
COMMANDS = {"firecrest": Run("command_line")}
SURFACE = {"surface": Run("surface")}
