"""Runs a command in a worker process, which the process that the shell started watches.

`supervise` forks at the very start of a command. The parent imports next to nothing, so that it can
fork another worker when one has died. A worker reports its state in a page of shared memory. The
Python interface uses no worker processes.
"""
