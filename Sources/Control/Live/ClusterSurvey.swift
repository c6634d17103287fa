import Autoscaling
import Kubernetes

/// What there is before anything is touched: what the server can do, which pods match, what their namespaces allow.
public struct ClusterSurvey: Sendable {
  public let client: APIClient
  public let discovery: Discovery
  public let selection: PodSelection
  /// The pods that can be driven, in the order of their names, and why the others cannot.
  public let selected: [SelectedPod]
  public let others: [(pod: Pod, reason: PodSelection.Reason)]
  /// All pods of the pool that the selectors let through, whether they can be driven at this moment or not.
  public let listed: [Pod]
  /// By namespace.
  public let limitRanges: [String: [LimitRange]]
  public let quotas: [String: [ResourceQuota]]

  /// Seconds for which a beginning tries again what fails for a passing reason.
  static let perseverance = 20.0

  /// - Parameter needsDrivable: whether one pod at least must be fit to be driven; to put limits back it is enough that one is
  ///   there.
  /// - Throws: `ClusterError`, or `LiveError` when there is no such pod.
  public init(
    _ client: APIClient, selection: PodSelection, pool: String? = nil, needsDrivable: Bool = true
  ) throws {
    self.client = client
    self.selection = selection
    discovery = try Discovery.run(client)
    // The server is there and is the right one: what fails now for a passing reason is tried again for a while.
    client.persevere(for: Self.perseverance)
    (listed, selected, others) = try Self.look(client, selection, pool)
    var ranges: [String: [LimitRange]] = [:]
    var quotas: [String: [ResourceQuota]] = [:]
    let resizer = PodResizer(client, discovery: discovery)
    for namespace in Set(selected.map(\.namespace)).sorted() {
      ranges[namespace] = try resizer.limitRanges(namespace: namespace)
      quotas[namespace] = try resizer.quotas(namespace: namespace)
    }
    limitRanges = ranges
    self.quotas = quotas
    if needsDrivable ? selected.isEmpty : listed.isEmpty { throw nothingToDrive }
  }

  /// Waits until there is a pod to drive: looks every ten seconds or so, which costs the server one list.
  ///
  /// - Parameters:
  ///   - forCompany: seconds for which it waits for pods that are being started beside the first one.
  ///   - whenNoneRuns: called at the first look that finds pods of which none can be driven.
  ///   - say: told why there is none, when that is new.
  /// - Returns: nil when `shouldStop` said so first.
  /// - Throws: `ClusterError` that will not pass by itself.
  public static func awaiting(
    _ client: APIClient, selection: PodSelection, pool: String? = nil, forCompany: Double = 0,
    pacing: Pacing = .system, shouldStop: () -> Bool, whenNoneRuns: () throws -> Void = {}, say: (String) -> Void
  ) throws -> ClusterSurvey? {
    var said: String?
    var hasLooked = false
    var firstSeen: Double?
    while !shouldStop() {
      let reason: String
      var isThere = false
      var isStuck = false
      do throws(ClusterError) {
        let (listed, selected, others) = try look(client, selection, pool)
        isThere = !selected.isEmpty
        isStuck = !isThere && !listed.isEmpty
        let starting = others.filter { $0.reason != .notWanted && $0.pod.poolName == pool && $0.pod.isStarting }
        if isThere, !starting.isEmpty, pacing.now() < (firstSeen ?? pacing.now()) + forCompany {
          firstSeen = firstSeen ?? pacing.now()
          isThere = false
          reason = "\(starting[0].pod.key) and perhaps others are being started"
        } else {
          reason = nothingToDrive(selection, others.map { ($0.pod.key, $0.reason) }).description
        }
      } catch {
        guard error.isRetryable else { throw error }
        reason = error.description
      }
      if isThere { return try ClusterSurvey(client, selection: selection, pool: pool) }
      if isStuck, !hasLooked {
        hasLooked = true
        try whenNoneRuns()
      }
      if reason != said { say(reason) }
      said = reason
      let next = pacing.now() + (firstSeen == nil ? 5 + 10 * pacing.random() : 1 + pacing.random())
      while pacing.now() < next, !shouldStop() { pacing.sleep(0.1) }
    }
    return nil
  }

  private static func look(
    _ client: APIClient, _ selection: PodSelection, _ pool: String?
  ) throws(ClusterError) -> (
    listed: [Pod], selected: [SelectedPod], others: [(pod: Pod, reason: PodSelection.Reason)]
  ) {
    var pods: [Pod] = []
    let namespaces: [String?] = selection.namespaces.isEmpty ? [nil] : selection.namespaces
    for namespace in namespaces {
      var request = APIRequest(.list, .pods, namespace: namespace)
      request.query += selection.selectors
      pods += try client.list(request, of: Pod.self).items
    }
    let (all, others) = selection.choose(from: pods)
    return (pods.filter { $0.poolName == pool }, all.filter { $0.settings.pool == pool }, others)
  }

  /// Why no pod can be driven, with the reason of the first few.
  public var nothingToDrive: LiveError { nothingToDrive(others.map { ($0.pod.key, $0.reason) }) }

  func nothingToDrive(_ others: [(name: String, reason: PodSelection.Reason)]) -> LiveError {
    Self.nothingToDrive(selection, others)
  }

  private static func nothingToDrive(
    _ selection: PodSelection, _ others: [(name: String, reason: PodSelection.Reason)]
  ) -> LiveError {
    let place =
      selection.namespaces.isEmpty ? "in any namespace" : "in namespace \(selection.namespaces.joined(separator: ", "))"
    let matching =
      (selection.labelSelector.isEmpty ? "" : " with labels \(selection.labelSelector)")
      + (selection.node.map { " on node \($0)" } ?? "")
    guard !others.isEmpty else { return LiveError("there is no pod\(matching) \(place)") }
    let reasons = others.sorted { $0.name < $1.name }.prefix(3).map { "\($0.name) \($0.reason)" }
    let more = others.count > 3 ? "; and \(others.count - 3) more" : ""
    return LiveError("none of the pods\(matching) \(place) can be driven: \(reasons.joined(separator: "; "))\(more)")
  }

  /// What the selected pods' limits add up to, millicores.
  public var limitSum: Millicores { selected.reduce(0) { $0 + $1.limit } }

  /// What the selected pods' limits added up to before anybody moved them, millicores: the kept original of a pod counts, where
  /// there is one. A run that was killed, or another instance, may have lowered what is in force now.
  ///
  /// - Parameters:
  ///   - places: so many pods will be driven, the first by name; nil for all.
  ///   - original: what was kept of a pod; nil for nothing.
  public func originalSum(places: Int? = nil, _ original: (Pod) -> OriginalValues?) -> Millicores {
    selected.prefix(places ?? .max).reduce(0) { sum, pod in
      let kept = original(pod.pod).flatMap { $0.container == pod.container ? $0.limit : nil }
      return sum + (kept.map { Quantity(millicores: $0).cpu } ?? pod.limit)
    }
  }

  /// Asks for the first event of a pod that is there, which comes at once: whether the account may watch would otherwise be known
  /// only when pods are driven already. What fails for another reason is the watcher's to try again.
  ///
  /// - Throws: `ClusterError` of kind `.missingRight`.
  private func proveWatching() throws(ClusterError) {
    let namespaces: [String?] = selection.namespaces.isEmpty ? [nil] : selection.namespaces
    for namespace in namespaces {
      guard let pod = selected.first(where: { namespace == nil || $0.namespace == namespace }) else { continue }
      var request = APIRequest(
        .watch, .pods, namespace: namespace,
        query: ["watch": "true", "timeoutSeconds": "1", "fieldSelector": "metadata.name=" + pod.name])
      request.timeout = 5
      do throws(ClusterError) {
        try client.watch(request, silenceMaximum: 5, cancellation: Cancellation()) { _ in false }
      } catch {
        if error.kind == .missingRight { throw error }
      }
    }
  }

  /// Checks that the configuration fits the pods, and, where resizes will be sent, that the server would take them.
  ///
  /// - Throws: `LiveError` or `ClusterError`: one sentence for the first thing that does not fit.
  public func check(_ configuration: LiveConfiguration, applies: Bool) throws {
    var floors = 0
    for pod in selected.prefix(configuration.places ?? configuration.placesMaximum) {
      let range = LimitRangeBounds(limitRanges[pod.namespace] ?? [], pod: pod.pod, container: pod.container)
      let low = max(pod.settings.minimum ?? configuration.shield.minimum, range.minimum)
      let high = min(
        pod.settings.maximum ?? configuration.shield.maximum, range.largest(configuration.values, of: pod.pod))
      guard low <= high else {
        throw LiveError(
          "pod \(pod.key): its smallest limit \(low)m is above its largest \(high)m; look at --min_cpu, --max_cpu, the pod's "
            + "annotations \(PodSettings.minimumKey) and \(PodSettings.maximumKey), the pod's own resources and the namespace's "
            + "LimitRange")
      }
      let bounds = LiveConfiguration.bounds(
        of: pod, limitRanges: limitRanges, shield: configuration.shield, values: configuration.values)
      floors += bounds.lowerBound
      do throws(ResizeRefusal) {
        _ = try PodResize(
          of: pod.pod, container: pod.container, to: min(max(pod.limit, bounds.lowerBound), bounds.upperBound),
          values: configuration.values,
          bounds: range)
      } catch {
        throw LiveError(
          "pod \(pod.key) cannot be resized with --controlled-values \(configuration.values.rawValue): \(error)")
      }
    }
    guard floors <= configuration.capacity else {
      throw LiveError(
        "the pool of \(configuration.capacity)m is too small: \(min(selected.count, configuration.places ?? .max)) pods need at "
          + "least \(floors)m together; raise --resources, lower --min_cpu or take fewer pods with --n_agents")
    }
    try proveWatching()
    guard applies else { return }
    let resizer = PodResizer(client, discovery: discovery)
    var proven: Set<String> = []
    for pod in selected where proven.insert(pod.namespace).inserted { try resizer.prove(pod) }
  }
}

extension Pod {
  /// Whether it is on its way to its first start.
  fileprivate var isStarting: Bool {
    metadata.deletionTimestamp == nil && (status.phase == "Pending" || status.phase.isEmpty)
  }
}
