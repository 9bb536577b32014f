"""Tests of the optimization of inputs."""
