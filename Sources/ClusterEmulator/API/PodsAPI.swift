import HTTPServer
import Kubernetes

/// Lists, watches, reads and patches of pods.
extension EmulatedCluster {
  /// `/api/v1[/namespaces/N]/pods…`
  func pods(
    _ request: ServerRequest, namespace: String?, _ rest: [String] = [],
    _ user: EmulatedUser = EmulatedUser("", mayWrite: false)
  ) throws(StatusError) -> ServerAnswer {
    let shape = try shape(request)
    switch rest.count {
    case 0:
      guard request.method == "GET" else { throw .noSuchMethod }
      let isWatch = ["true", "1"].contains(request.parameter("watch") ?? "")
      return isWatch ? try watch(request, namespace, shape) : .now(try list(request, namespace, shape))
    case 1...2 where rest.count == 1 || (rest[1] == "resize" && configuration.version.hasResizeSubresource):
      let key = PodKey(namespace: namespace ?? "", name: rest[0])
      switch request.method {
      case "GET":
        return .now(
          try withLock { () throws(StatusError) in
            guard let pod = store.pods[key] else { throw ResourceKind.pods.notFound(key.name) }
            return Self.json(Self.object(pod, shape))
          })
      case "PATCH", "PUT":
        return .now(try change(request, key, isResize: rest.count == 2, user))
      default: throw .noSuchMethod
      }
    case 4... where rest[1] == "proxy" && rest[0].hasPrefix("cadvisor-") && rest[2] == "api":
      let node = rest[0].dropFirst("cadvisor-".count).prefix { $0 != ":" }
      return .now(try cadvisorAPI(Array(rest.dropFirst(4)), node: String(node)))
    default: throw .noSuchPath
    }
  }

  private static func object(_ pod: PodVersion, _ shape: ObjectShape) -> [UInt8] {
    var bytes: [UInt8] = []
    shape.write(pod, to: &bytes)
    return bytes
  }

  /// What the client accepts; the first that can be had.
  private func shape(_ request: ServerRequest) throws(StatusError) -> ObjectShape {
    let accept = request.headers["accept"] ?? "*/*"
    for part in accept.split(separator: ",") {
      let terms = part.split(separator: ";").map { $0.filter { $0 != " " } }
      guard let type = terms.first, ["application/json", "application/*", "*/*"].contains(type) else { continue }
      if terms.contains("as=Table") { return .table(now: epoch + now) }
      if terms.contains("as=PartialObjectMetadata") || terms.contains("as=PartialObjectMetadataList") {
        return .partial
      }
      return .full
    }
    throw .notAcceptable
  }

  private func filter(_ request: ServerRequest, _ namespace: String?) throws(StatusError) -> PodFilter {
    PodFilter(
      namespace: namespace, labels: try LabelSelector(request.parameter("labelSelector") ?? ""),
      fields: try FieldSelector(request.parameter("fieldSelector") ?? "", allowed: PodFilter.fields))
  }

  /// The resourceVersion asked for; nil for none, 0 for any.
  private func wantedVersion(_ request: ServerRequest) throws(StatusError) -> Int? {
    guard let text = request.parameter("resourceVersion"), !text.isEmpty else { return nil }
    guard let version = Int(text), version >= 0 else {
      throw .badRequest("Invalid value: \"\(text)\": strconv.ParseUint: parsing \"\(text)\": invalid syntax")
    }
    return version
  }

  // MARK: Lists

  private func list(
    _ request: ServerRequest, _ namespace: String?, _ shape: ObjectShape
  ) throws(StatusError) -> ServerResponse {
    let filter = try filter(request, namespace)
    let wanted = try wantedVersion(request)
    let limit = max(request.parameter("limit").flatMap { Int($0) } ?? 0, 0)
    let token =
      try (request.parameter("continue") ?? "").isEmpty
      ? nil : ContinueToken(request.parameter("continue") ?? "")
    let isExact = request.parameter("resourceVersionMatch") == "Exact"
    return try withLock { () throws(StatusError) in
      if let wanted, wanted > resourceVersion {
        throw StatusError(
          code: 504, reason: "Timeout",
          message: "Timeout: Too large resource version: \(wanted), current: \(resourceVersion)",
          causes: [.init(reason: "ResourceVersionTooLarge", message: "Too large resource version")], retryAfter: 1)
      }
      var version = resourceVersion
      var all = store.sorted()
      if let token {
        if token.resourceVersion >= 0 {
          guard let kept = store.pages(at: token.resourceVersion) else {
            throw .expiredContinue(ContinueToken(resourceVersion: -1, start: token.start).text)
          }
          all = kept
          version = token.resourceVersion
        }
        all.removeAll { "\($0.record.identity.namespace)/\($0.record.identity.name)" <= token.start }
      } else if isExact, let wanted, wanted != resourceVersion {
        guard let kept = store.pages(at: wanted) else { throw .expiredList }
        all = kept
        version = wanted
      }
      let matching = all.filter { filter.matches($0.record) }
      let page = limit > 0 ? Array(matching.prefix(limit)) : matching
      var next: ContinueToken?
      if page.count < matching.count, let last = page.last {
        if token == nil, !isExact { store.keepPages(store.sorted(), at: version) }
        next = ContinueToken(
          resourceVersion: token?.resourceVersion == -1 ? -1 : version,
          start: "\(last.record.identity.namespace)/\(last.record.identity.name)")
      }
      let remaining = next != nil && filter.isEverything ? matching.count - page.count : nil
      return Self.json(rendered(page, shape, version, next, remaining))
    }
  }

  private func rendered(
    _ pods: [PodVersion], _ shape: ObjectShape, _ version: Int, _ next: ContinueToken?, _ remaining: Int?
  ) -> [UInt8] {
    var out: [UInt8] = []
    if case .table(let now) = shape {
      PodTable.open(&out, resourceVersion: version)
      for (place, pod) in pods.enumerated() {
        if place > 0 { out.append(UInt8(ascii: ",")) }
        PodTable.row(pod, now: now, &out)
      }
      out.put("]}")
      return out
    }
    out.reserveCapacity(pods.count * 2000 + 200)
    out.put("{\"kind\":\"\(shape.kind)List\",\"apiVersion\":\"\(shape.apiVersion)\",\"metadata\":{")
    out.put("\"resourceVersion\":\"\(version)\"")
    if let next { out.put(",\"continue\":\"\(next.text)\"") }
    if let remaining { out.put(",\"remainingItemCount\":\(remaining)") }
    out.put("},\"items\":[")
    for (place, pod) in pods.enumerated() {
      if place > 0 { out.append(UInt8(ascii: ",")) }
      if shape == .full {
        out.append(UInt8(ascii: "{"))
        out.append(contentsOf: pod.bytes)
      } else {
        pod.writePartial(to: &out)
      }
    }
    out.put("]}")
    return out
  }

  // MARK: Watches

  private func watch(
    _ request: ServerRequest, _ namespace: String?, _ shape: ObjectShape
  ) throws(StatusError) -> ServerAnswer {
    let filter = try filter(request, namespace)
    let wanted = try wantedVersion(request)
    let wantsInitial = request.parameter("sendInitialEvents") == "true"
    let wantsBookmarks = request.parameter("allowWatchBookmarks") == "true"
    let seconds = request.parameter("timeoutSeconds").flatMap { Double($0) } ?? 0
    let stream = ResponseStream()
    let response = ServerResponse(
      200, contentType: "application/json", headers: [.init(name: "Cache-Control", value: "no-cache, private")],
      body: .stream(stream))
    withLock {
      let moment = Self.monotonicTime()
      if let wanted, wanted > 0, wanted < store.forgotten, !wantsInitial {
        let gone = StatusError(
          code: 410, reason: "Expired", message: "too old resource version: \(wanted) (\(store.forgotten))",
          hasDetails: false)
        stream.write(Self.errorLine(gone))
        stream.finish()
        return
      }
      let isFromStart = wantsInitial || wanted == nil || wanted == 0
      let watch = PodWatch(
        stream: stream, filter: filter, shape: shape,
        startsAfter: isFromStart ? resourceVersion : wanted ?? resourceVersion, wantsBookmarks: wantsBookmarks,
        endsAt: moment + (seconds > 0 && seconds < 1e9 ? seconds : 1800 + 1800 * (random.uniform() as Double)),
        nextBookmark: moment + Self.bookmarkInterval)
      if isFromStart {
        for pod in store.sorted() where filter.matches(pod.record) { _ = watch.send("ADDED", pod) }
        if wantsInitial, wantsBookmarks { watch.bookmark(resourceVersion, endsInitialEvents: true) }
      }
      let id = store.begin(watch)
      stream.onClose { [weak self] in
        // From a thread of the server, which may hold the stream's own lock but never the cluster's.
        self?.withLock { self?.store.end(id) }
      }
    }
    return .now(response)
  }

  static let bookmarkInterval = 60.0

  static func errorLine(_ error: StatusError) -> [UInt8] {
    JSON.object(["type": .string("ERROR"), "object": error.json]).bytes + [10]
  }

  /// Ends watches whose time is over, and sends bookmarks.
  ///
  /// - Returns: seconds until the next call is due.
  func tendWatches() -> Double {
    withLock {
      let moment = Self.monotonicTime()
      var next = 1.0
      for (id, watch) in store.watches {
        if moment >= watch.endsAt {
          if watch.wantsBookmarks, !watch.isStuck { watch.bookmark(max(resourceVersion, watch.startsAfter)) }
          watch.stream.finish()
          store.end(id)
        } else if watch.wantsBookmarks, !watch.isStuck, moment >= watch.nextBookmark {
          watch.bookmark(max(resourceVersion, watch.startsAfter))
          watch.nextBookmark = moment + Self.bookmarkInterval
        }
        next = min(next, max(watch.endsAt - moment, 0.001))
      }
      return next
    }
  }
}

extension StatusError {
  static func expiredContinue(_ token: String) -> StatusError {
    StatusError(
      code: 410, reason: "Expired",
      message: "The provided continue parameter is too old to display a consistent list result. You can start a new "
        + "list without the continue parameter, or use the continue token in this response to retrieve the remainder "
        + "of the results. Continuing with the provided token results in an inconsistent list - objects that were "
        + "created, modified, or deleted between the time the first chunk was returned and now may show up in the list.",
      continueToken: token, hasDetails: false)
  }

  static let expiredList = StatusError(
    code: 410, reason: "Expired", message: "The resourceVersion for the provided list is too old.", hasDetails: false)
}

/// Where a list that is read in pages goes on.
struct ContinueToken: Equatable {
  /// −1: whatever is newest.
  var resourceVersion: Int
  /// `namespace/name` of the last one that was given.
  var start: String

  init(resourceVersion: Int, start: String) {
    self.resourceVersion = resourceVersion
    self.start = start
  }

  /// - Throws: `StatusError` 400.
  init(_ text: String) throws(StatusError) {
    let bytes = Base64.decoded(text, alphabet: Base64.url)
    let json: JSON
    do throws(JSONError) {
      json = try JSON(parsing: bytes)
    } catch {
      throw .badRequest("invalid continue token: continue key is not valid: \(error)")
    }
    guard let version = json["rv"]?.integer, let start = json["start"]?.text else {
      throw .badRequest("invalid continue token: continue key is not valid: no start and resource version")
    }
    resourceVersion = version
    self.start = start
  }

  var text: String {
    Base64.encoded(
      JSON.object([
        "v": .string("meta.k8s.io/v1"), "rv": .number("\(resourceVersion)"), "start": .string(start),
      ]).bytes, alphabet: Base64.url, isPadded: false)
  }
}
