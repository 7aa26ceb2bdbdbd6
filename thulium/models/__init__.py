"""The networks: backbones, heads and decoders, and HTRModel, which puts them together."""
