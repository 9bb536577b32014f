"""What carries out the steps of a run: the threads of this process."""
