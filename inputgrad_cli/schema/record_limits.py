"""Limits for the records of a run and the values they describe; nothing larger is written."""

MAX_SHARDS = 1 << 16  # of one run
MAX_BATCH_SIZE = 1 << 16  # samples of one pass; no more can help, and memory ends far below
# Of one model input, or of one image or table in memory: 128 Mi, or 512 MiB of float32.
MAX_VALUES = 1 << 27
MAX_DEPTH = 64  # of nested lists and objects; the records that inputgrad writes have ten
MAX_RUN_BYTES = 16 << 20  # of `run.json`: its longest part is the command line
MAX_LINE_BYTES = 24 << 20  # of a journal line: this is enough for 180,000 pictures of one file
MAX_PENDING_BYTES = 40 << 20  # of the names of files that are being written
MAX_METADATA_BYTES = 256 << 20  # of `metadata.json`: enough for a million samples of one file
