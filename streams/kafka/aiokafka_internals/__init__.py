"""Everything that reaches into aiokafka: its private parts, and requests of our own.

Outside of this folder nothing touches an attribute of aiokafka that begins with an
underscore, and nothing imports a module of it that its manual does not name; a test
holds that. What is here may break with any release, so the versions that it was tested
with are listed (:mod:`streams.kafka.aiokafka_internals.tested`), and others are refused
at start.
"""
