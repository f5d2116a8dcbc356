"""Engines that do the small decision, to compare with; each is a program."""
