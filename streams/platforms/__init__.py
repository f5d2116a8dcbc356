"""Platforms whose pushed events become canonical records; one package per platform."""
