"""Tables, JSON lines and Parquet files to samples."""
