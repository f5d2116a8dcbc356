"""The Kafka transport: source, sink, facts, output scan, topics, clients. It knows no family."""
