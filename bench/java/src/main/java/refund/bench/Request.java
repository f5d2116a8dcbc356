package refund.bench;

/** A refund request. */
record Request(
        String eventId,
        String action,
        String refundId,
        long refundVersion,
        String orderId,
        String buyerId,
        String shopId,
        String refundKind,
        int specialRefundType,
        long refundFen,
        long requestedAtMs,
        Long expireAtMs,
        String reason) {}
