import Autoscaling
import FoundationEssentials

/// A Prometheus server as a source. Counters are asked for as ranges, so that every number comes with the time at which it
/// was scraped; an instant query would stamp them with the time of the question.
public struct Prometheus: MetricSource {
  public var name: String { "prometheus" }
  private let transport: any Transport
  private let headers: [String: String]

  /// How far back a counter's newest value may lie.
  public static let lookBack = "2m"

  public init(_ transport: any Transport, token: String? = nil) {
    self.transport = transport
    headers = token.map { ["Authorization": "Bearer " + $0] } ?? [:]
  }

  // MARK: Queries

  /// The counters and gauges that are asked for, in the order in which `snapshot` takes the answers.
  static let metrics = [
    "container_cpu_usage_seconds_total", "container_memory_working_set_bytes", "container_cpu_cfs_periods_total",
    "container_cpu_cfs_throttled_periods_total",
  ]

  static func query(_ metric: String, namespaces: [String]) -> String {
    "\(metric){container!=\"\",container!=\"POD\",namespace=~\"\(namespaces.joined(separator: "|"))\"}[\(lookBack)]"
  }

  public func read(_ pods: [SelectedPod]) throws(ClusterError) -> MetricSnapshot {
    let namespaces = Set(pods.map(\.namespace)).sorted()
    var answers: [[Series]] = []
    for metric in Self.metrics {
      answers.append(try Self.parse(try send(Self.query(metric, namespaces: namespaces))))
    }
    return Self.snapshot(answers)
  }

  /// Any instant query that gives one number a pod (labels `namespace` and `pod`), such as response times.
  ///
  /// - Returns: by `namespace/pod`; series without these labels, and NaNs, are left out.
  public func values(_ query: String) throws(ClusterError) -> [String: Double] {
    var values: [String: Double] = [:]
    for series in try Self.parse(try send(query)) {
      guard let namespace = series.metric["namespace"], let pod = series.metric["pod"], let point = series.points.last,
        point.value.isFinite
      else { continue }
      values[namespace + "/" + pod] = point.value
    }
    return values
  }

  private func send(_ query: String) throws(ClusterError) -> Data {
    let request = APIRequest(get: "/api/v1/query")
    let target = "/api/v1/query?query=" + percentEncoded(query)
    let response: HTTPResponse
    do throws(TransportError) {
      response = try transport.send(HTTPRequest(.get, target, headers: headers, timeout: 10))
    } catch {
      throw ClusterError(error, to: request, server: "Prometheus")
    }
    if response.status == 401 || response.status == 403 {
      throw ClusterError(
        response.status == 401 ? .unauthorized : .missingRight, operation: request.description,
        message:
          "Prometheus does not take our token (\(response.status)); give it one that may query with --prometheus_token",
        httpStatus: response.status)
    }
    // Prometheus explains a failed query in a body of the usual form, with a status of 4xx.
    if !response.isSuccess, (try? Self.parse(response.body)) == nil,
      response.headers["content-type"] != "application/json"
    {
      throw ClusterError(response, to: request, context: "Prometheus")
    }
    return response.body
  }

  // MARK: Answers

  public struct Series: Sendable, Equatable {
    public struct Point: Sendable, Equatable {
      public var time: Timestamp
      public var value: Double
    }
    public var metric: [String: String]
    /// Oldest first.
    public var points: [Point]
  }

  private struct Answer: Decodable {
    struct Result: Decodable {
      var metric: [String: String]
      var value: Pair?
      var values: [Pair]?
    }
    struct Body: Decodable { var result: [Result] }
    /// `[seconds, "number"]`
    struct Pair: Decodable {
      var point: Series.Point
      init(from decoder: any Decoder) throws {
        var list = try decoder.unkeyedContainer()
        let seconds = try list.decode(Double.self)
        let text = try list.decode(String.self)
        let special = ["+Inf": Double.infinity, "-Inf": -.infinity, "NaN": .nan]
        guard let value = special[text] ?? Double(text) else {
          throw DecodingError.dataCorruptedError(in: list, debugDescription: "'\(text.prefix(40))' is no number")
        }
        // Times are milliseconds written as seconds.
        point = Series.Point(time: Timestamp(seconds: (seconds * 1000).rounded() / 1000), value: value)
      }
    }
    var status: String
    var error: String?
    var data: Body?
  }

  /// Reads a vector or a matrix.
  ///
  /// - Throws: `ClusterError`: `.refused` with Prometheus' own words, or `.unreadable`.
  public static func parse(_ body: Data) throws(ClusterError) -> [Series] {
    let request = APIRequest(get: "/api/v1/query")
    let answer: Answer
    do {
      answer = try JSONDecoder().decode(Answer.self, from: body)
    } catch {
      throw APIClient.unreadable(request, error, status: 200)
    }
    guard answer.status == "success", let data = answer.data else {
      throw ClusterError(
        .refused, operation: request.description,
        message: "Prometheus does not take the query: \(answer.error ?? "it does not say why")")
    }
    return data.result.map { result in
      Series(metric: result.metric, points: (result.values ?? result.value.map { [$0] } ?? []).map(\.point))
    }
  }

  /// - Parameter answers: one for each of `metrics`.
  static func snapshot(_ answers: [[Series]]) -> MetricSnapshot {
    var newest: [[MetricKey: Series.Point]] = []
    for answer in answers {
      var points: [MetricKey: Series.Point] = [:]
      for series in answer {
        guard let namespace = series.metric["namespace"], let pod = series.metric["pod"],
          let container = series.metric["container"], let point = series.points.last,
          series.metric["cpu"].map({ $0 == "total" }) ?? true
        else { continue }
        let key = MetricKey.container(namespace: namespace, pod: pod, name: container)
        // Of a container and its predecessor the newer counts.
        if let held = points[key], held.time >= point.time { continue }
        points[key] = point
      }
      newest.append(points)
    }
    var snapshot = MetricSnapshot()
    guard newest.count == metrics.count else { return snapshot }
    for (key, point) in newest[0] {
      guard let used = whole(point.value * 1e9) else { continue }
      var counters = ContainerCounters(time: point.time, cpuNanoseconds: used)
      counters.memory = newest[1][key].flatMap { whole($0.value) }.map(Int.init) ?? 0
      counters.periods = newest[2][key].flatMap { whole($0.value) }
      counters.throttledPeriods = newest[3][key].flatMap { whole($0.value) }
      snapshot.readings[key] = .counters(counters)
    }
    return snapshot
  }
}
