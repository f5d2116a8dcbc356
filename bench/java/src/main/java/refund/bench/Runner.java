package refund.bench;

import java.time.Duration;
import java.util.List;
import java.util.Properties;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.Topology;

/** Runs a topology until SIGTERM; an error ends the process with code 1. */
final class Runner {
    private static final Duration CLOSE = Duration.ofSeconds(20);

    private Runner() {}

    /** Settings of every app here; {@code more} are lines {@code key=value} that come on top. */
    static Properties settings(String bootstrap, String id, String folder, List<String> more) {
        Properties found = new Properties();
        found.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, bootstrap);
        found.put(StreamsConfig.APPLICATION_ID_CONFIG, id);
        found.put(StreamsConfig.STATE_DIR_CONFIG, folder);
        // Kafka Streams does not leave its group when it closes: without a name of its own,
        // a restarted instance would wait 45 s for the session of the one before.
        found.put(StreamsConfig.mainConsumerPrefix(ConsumerConfig.GROUP_INSTANCE_ID_CONFIG), id);
        found.put(StreamsConfig.consumerPrefix(ConsumerConfig.FETCH_MAX_WAIT_MS_CONFIG), 50);
        found.put(StreamsConfig.producerPrefix(ProducerConfig.LINGER_MS_CONFIG), 0);
        found.put(StreamsConfig.producerPrefix(ProducerConfig.BATCH_SIZE_CONFIG), 131_072);
        for (String line : more) {
            int at = line.indexOf('=');
            found.put(line.substring(0, at), line.substring(at + 1));
        }
        return found;
    }

    static void run(Topology topology, Properties settings) {
        KafkaStreams streams = new KafkaStreams(topology, settings);
        streams.setStateListener((now, before) -> {
            if (now == KafkaStreams.State.ERROR) {
                Runtime.getRuntime().halt(1);
            }
        });
        Runtime.getRuntime().addShutdownHook(new Thread(() -> streams.close(CLOSE)));
        streams.start();
    }
}
