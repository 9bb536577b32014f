"""The values that go through the steps of a run, and the context of its processes."""
