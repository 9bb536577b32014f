"""Says what pictures show and how: subjects, captions, views of samples, styles."""
