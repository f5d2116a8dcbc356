package refund.bench;

/** A request with what the joins found; null where they found nothing. */
record Case(Request request, Facts.Order order, Facts.Buyer buyer, Facts.Shop shop) {
    static Case of(Request request, Facts.Order order) {
        return new Case(request, order, null, null);
    }

    Case with(Facts.Buyer found) {
        return new Case(request, order, found, shop);
    }

    Case with(Facts.Shop found) {
        return new Case(request, order, buyer, found);
    }
}
