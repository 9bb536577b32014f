"""Runs on disk, made by the command with the closed-form engine of the tests of faults."""

from tests.faults import conftest as faults

server, folder, tool = faults.server, faults.folder, faults.tool
