"""What every rule family shares: synchronous, without a Kafka client, without a clock."""
