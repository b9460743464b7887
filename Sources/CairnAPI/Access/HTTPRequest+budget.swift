internal import CairnHTTP
internal import CairnModel

extension HTTPRequest {
  /// Whose share of the memory for uploads the request's body uses.
  var budgetClient: BudgetClient { .address(body.senderNetwork) }
}

extension MultipartReader {
  /// As of the request that it reads.
  var budgetClient: BudgetClient { .address(senderNetwork) }
}
