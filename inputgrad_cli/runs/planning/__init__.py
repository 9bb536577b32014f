"""Plans a run before TensorFlow is imported: options, checks, schedule, dry run."""
