"""Reads sound files as waveforms."""
