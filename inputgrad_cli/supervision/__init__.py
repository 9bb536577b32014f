"""The process that a shell sees watches the one that does the work, and outlives it.

`supervise` forks at the very start of a command; the parent imports next to nothing, so that
another worker can be forked from it when one has died. A worker says what it does through a page of
memory that both share. The Python interface has none of this.
"""
