"""How large the records of a run may be: what is larger is none of ours."""

MAX_SHARDS = 1 << 16  # of one run
MAX_DEPTH = 64  # of lists and objects in one another; our own records have ten
MAX_RUN = 16 << 20  # bytes of `run.json`: its longest part are the words of a call
MAX_LINE = 24 << 20  # bytes of a journal line: it names 180,000 pictures of one file
MAX_PENDING = 40 << 20  # bytes of the names of files that are being written
MAX_METADATA = 256 << 20  # bytes of `metadata.json`: it tells of a million samples of one file
