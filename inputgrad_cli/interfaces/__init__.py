"""What can be added to the tool, one short file each: engine, method, reader, picture."""
