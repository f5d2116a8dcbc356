"""All code that depends on aiokafka's internals: private attributes and requests of our own.

Outside this folder no code touches an underscore attribute of aiokafka or imports a
module that its manual does not name; a test checks that. This code may break with any
release, so the tested versions are listed
(:mod:`streams.kafka.aiokafka_internals.tested`), and others are refused at start.
"""
