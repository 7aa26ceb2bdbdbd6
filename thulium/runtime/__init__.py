"""What every room of the engine stands on: the device, processes, files, errors and messages."""
