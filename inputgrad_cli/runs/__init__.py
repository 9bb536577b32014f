"""Runs over many files: plans them, loads inputs, explains batches, and writes results.

The work is done by functions of one value each, which can be pickled as their results can:
`load(LoadTask)`, `explain(ExplainTask)` and `write(WriteTask)`. An executor decides where they run,
and starts each process with what all tasks share, the `RunContext`. `Recorder.record` alone writes
the journal, in the process of `Run`, which is the loop and the counting.
"""
