"""What takes the items of a run through its steps: this process, or the workers of a Dask cluster.

`LocalRunner` and `DaskRunner` have the methods of `ItemRunner`, by which `Run` knows them. The
first carries out each step by a `LocalExecutor`. The second sends whole chunks of items to
processes of their own beside the workers, where a `ChunkRunner` takes them through the same steps.
Each of these processes is started in the directory of the call, because tasks hold paths as the
user gave them. Only the process of `Run` writes the journal. See README.md here.
"""
