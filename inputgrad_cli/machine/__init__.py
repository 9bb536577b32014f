"""What this machine has and allows: memory, cores, devices, and files that are not there."""
