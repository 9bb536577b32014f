"""Sound files to waveforms."""
