package refund.bench;

import java.util.List;

/** The decision record of the contract. */
record Decision(
        String decisionId,
        String family,
        String refundId,
        long refundVersion,
        String orderId,
        String buyerId,
        String shopId,
        String disposition,
        String outcome,
        List<String> reasonCodes,
        String policy,
        long refundFen,
        String payoutKey,
        long requestedAtMs,
        long decidedAtMs,
        Long reviewDeadlineMs,
        Seen seen) {

    static final String APPROVE = "auto_approve";
    static final String REVIEW = "manual_review";

    boolean approves() {
        return APPROVE.equals(outcome);
    }

    record Seen(
            Long orderVersion,
            String orderStatus,
            Long paidFen,
            Long refundableLeftFen,
            Long orderAsOfMs,
            String quality,
            String qualityNow,
            Long buyerAsOfMs,
            String shopStanding,
            List<Integer> shippedCounts) {}
}
