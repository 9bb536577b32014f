"""What `inspect` and `methods` show: a model and the methods, in words."""
