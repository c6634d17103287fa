import Autoscaling

/// Sends resizes: the thin shell around `PodResize`.
public struct PodResizer: Sendable {
  public let client: APIClient
  public let endpoint: Discovery.ResizeEndpoint

  /// Seconds for one resize: in a loop of seconds a later answer is worth little.
  public let timeout: Double

  public init(_ client: APIClient, discovery: Discovery, timeout: Double = 5) {
    self.client = client
    self.timeout = timeout
    endpoint = discovery.resizeEndpoint
  }

  /// Proves before the first action that the server would take resizes of this pod: sends its present values as a dry run,
  /// which passes through rights, admission and feature gate, and changes nothing.
  ///
  /// - Throws: `ClusterError`; `.missingRight` names the rule to grant.
  public func prove(_ pod: SelectedPod) throws(ClusterError) {
    guard let proof = PodResize.proof(of: pod.pod, container: pod.container) else { return }
    _ = try client.send(proof.apiRequest(endpoint: endpoint, dryRun: true))
  }

  /// Sends a resize and returns the pod as the server then has it. Whether and when it acts is to be looked for in the
  /// pod's status: see `Settlement`.
  public func send(_ resize: PodResize) throws(ClusterError) -> (record: ResizeRecord, pod: Pod) {
    try read(try transmit(resize), of: resize)
  }

  /// The first half of `send`: everything up to the server's successful answer. Reading it is worth as much time as sending
  /// it, which another resize may be waiting for.
  ///
  /// - Parameters:
  ///   - patience: seconds that it may wait for its turn within the budget of writes.
  ///   - onSend: told when it is handed to the wire.
  public func transmit(
    _ resize: PodResize, patience: Double = 0, onSend: (Double) -> Void = { _ in }
  ) throws(ClusterError) -> HTTPResponse {
    try client.send(request(resize, patience: patience), onSend: onSend)
  }

  /// The second half of `send`.
  public func read(
    _ response: HTTPResponse, of resize: PodResize
  ) throws(ClusterError) -> (
    record: ResizeRecord, pod: Pod
  ) {
    let answer = try client.read(response, to: request(resize), as: Pod.self)
    return (ResizeRecord(answer: answer, container: resize.container), answer)
  }

  private func request(_ resize: PodResize, patience: Double = 0) -> APIRequest {
    var request = resize.apiRequest(endpoint: endpoint)
    request.timeout = timeout
    request.writePatience = patience
    return request
  }

  /// The LimitRanges of a namespace; none where the account may not read them: the server enforces them anyway.
  ///
  /// - Parameter isTriedOnce: whether one attempt is enough, no longer than one for a resize.
  public func limitRanges(namespace: String, isTriedOnce: Bool = false) throws(ClusterError) -> [LimitRange] {
    try listIfAllowed(.limitRanges, namespace, of: LimitRange.self, isTriedOnce: isTriedOnce)
  }

  /// The quotas of a namespace; none where the account may not read them.
  public func quotas(namespace: String) throws(ClusterError) -> [ResourceQuota] {
    try listIfAllowed(.resourceQuotas, namespace, of: ResourceQuota.self)
  }

  private func listIfAllowed<Item: Codable & Equatable & Sendable>(
    _ resource: APIResourceName, _ namespace: String, of type: Item.Type, isTriedOnce: Bool = false
  ) throws(ClusterError) -> [Item] {
    var request = APIRequest(.list, resource, namespace: namespace)
    request.isTriedOnce = isTriedOnce
    if isTriedOnce { request.timeout = timeout }
    do throws(ClusterError) {
      return try client.list(request, of: type).items
    } catch {
      if error.kind == .missingRight { return [] }
      throw error
    }
  }
}

/// Keeps events on pods rare: one for each pod and reason in every `interval` seconds. Pure.
public struct EventLimiter: Sendable, Equatable {
  public let interval: Double
  private var last: [String: Double] = [:]

  public init(interval: Double = 60) {
    self.interval = interval
  }

  /// Whether an event may be sent now; then it counts as sent.
  public mutating func allows(uid: String, reason: String, at now: Double) -> Bool {
    let key = uid + "/" + reason
    if let time = last[key], now - time < interval { return false }
    // Entries that have run out are of no use: pods come and go.
    if last.count > 4096 { last = last.filter { now - $0.value < interval } }
    last[key] = now
    return true
  }
}
