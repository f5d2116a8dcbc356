"""Everything that speaks to Kafka: source, sink, facts, recovery, topics, brokers."""
