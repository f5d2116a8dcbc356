"""The machinery that every rule family shares: synchronous, without a Kafka client or a clock."""
