import Autoscaling
import Foundation
import TestSupport
import Testing

@testable import Kubernetes

private let id1 = String(repeating: "3f1c0dab", count: 8)

@Suite("Meter")
struct SampleMeterTests {
  func counters(_ seconds: Double, cpu: Int64, periods: Int64? = nil, throttled: Int64? = nil) -> ContainerReading {
    var counters = ContainerCounters(time: Timestamp(seconds: seconds), cpuNanoseconds: cpu, memory: 7)
    counters.periods = periods
    counters.throttledPeriods = throttled
    return .counters(counters)
  }

  @Test("the first reading gives nothing, the next a rate over the true interval")
  func rate() {
    var meter = SampleMeter()
    let first = meter.take(counters(10, cpu: 1_000_000_000, periods: 100, throttled: 10), limit: 500, request: 100)
    #expect(first == .first)
    let second = meter.take(counters(12.5, cpu: 1_500_000_000, periods: 125, throttled: 15), limit: 500, request: 100)
    #expect(
      second
        == .sample(
          PodSample(time: 12.5, limit: 500, request: 100, usage: 200, throttledFraction: 0.2, memory: 7)))
  }

  @Test("what is not newer is stale, never zero")
  func stale() {
    var meter = SampleMeter()
    _ = meter.take(counters(10, cpu: 0), limit: 1, request: 1)
    let outcomes = [10, 9, 10].map { meter.take(counters($0, cpu: 5), limit: 1, request: 1) }
    #expect(outcomes == [.stale, .stale, .stale])
  }

  @Test("a counter that went back is a restart")
  func restart() {
    var meter = SampleMeter()
    _ = meter.take(counters(10, cpu: 1000), limit: 1, request: 1)
    let outcome = meter.take(counters(11, cpu: 10), limit: 1, request: 1)
    #expect(outcome == .first)
  }

  @Test(
    "usage that no limit of the interval allows is a counter that jumped: no sample, and the next counts from there",
    arguments: [(300, 300, true), (440, 300, true), (450, 300, false), (450, 400, true), (2000, 300, false)])
  func jump(used: Int, limitBefore: Int, isSample: Bool) {
    var meter = SampleMeter()
    _ = meter.take(counters(10, cpu: 0), limit: limitBefore, request: 1)
    let cpu = Int64(used) * 1_000_000
    let outcome = meter.take(counters(11, cpu: cpu), limit: 300, request: 1)
    let expected = PodSample(time: 11, limit: 300, request: 1, usage: Double(used), memory: 7)
    #expect(outcome == (isSample ? .sample(expected) : .first))
    let next = meter.take(counters(12, cpu: cpu + 100_000_000), limit: 300, request: 1)
    #expect(next == .sample(PodSample(time: 12, limit: 300, request: 1, usage: 100, memory: 7)))
  }

  @Test("averages are samples at once, but only when newer")
  func average() {
    var meter = SampleMeter()
    let reading = ContainerReading.average(AverageUsage(time: Timestamp(seconds: 5), usage: 123.5, memory: 9))
    let outcomes = [meter.take(reading, limit: 200, request: 100), meter.take(reading, limit: 200, request: 100)]
    #expect(outcomes == [.sample(PodSample(time: 5, limit: 200, request: 100, usage: 123.5, memory: 9)), .stale])
  }

  @Test("the golden readings of a correct reader")
  func golden() throws {
    for row in try Golden.load("cadvisor")["cases"].rows {
      let entry = try row["entry"]
      let stats = try entry["stats"].rows.map { stats in
        """
        {"timestamp":"\(try stats["timestamp"].string)","memory":{"usage":\(try stats["memory/usage"].int)},
        "cpu":{"usage":{"total":\(try stats["cpu/usage/total"].int)},
        "cfs":{"throttled_time":\(try stats["cpu/cfs/throttled_time"].int)}}}
        """
      }
      let body = """
        [{"name":"/kubepods"},{"name":"\(try entry["name"].string)","spec":{"cpu":{"limit":256,
        "quota":\(try entry["spec/cpu/quota"].int),"period":\(try entry["spec/cpu/period"].int)}},
        "stats":[\(stats.joined(separator: ","))]}]
        """
      // The golden names are not of the length that a runtime gives.
      let golden = try row["container_id"].string
      let series = try CadvisorAPI.history(Data(body.replacingOccurrences(of: golden, with: id1).utf8))[id1] ?? []
      try #require(series.count >= 2)
      let sample = SampleMeter.sample(series[series.count - 1], since: series[series.count - 2], limit: 0, request: 0)
      #expect(sample.limit == Int(try row["exact/limit_mc"].double))
      let difference = firstDifference(
        [sample.usage, sample.utilisation, Double(sample.memory) / 1_048_576],
        [try row["exact/usage_mc"].double, try row["exact/percent"].double, try row["memory/usage_mib"].double],
        tolerance: 1e-12)
      #expect(difference == nil)
      let isThrottled = try row["throttled"].bool
      #expect((sample.throttledFraction > 0) == isThrottled)
    }
  }

  @Test("meters follow the pods: unknown is stale, a restarted container begins afresh, others are dropped")
  func meters() throws {
    func snapshot(_ seconds: Double, _ cpu: Int64) -> MetricSnapshot {
      MetricSnapshot(readings: [
        .container(namespace: "default", pod: "localization-api1", name: "localization-api"): counters(
          seconds, cpu: cpu)
      ])
    }
    let pod = try PodSelection().judge(recordedPod()).get()
    let restarted = try PodSelection().judge(
      recordedPod { $0.status.containerStatuses[0].containerID = "containerd://" + id1 }
    ).get()
    var meters = PodMeters()
    let outcomes = [
      meters.take(MetricSnapshot(), of: [pod]), meters.take(snapshot(1, 0), of: [pod]),
      meters.take(snapshot(2, 100_000_000), of: [pod]), meters.take(snapshot(3, 200_000_000), of: [restarted]),
    ].map(\.[0])
    #expect(
      outcomes == [
        .stale, .first, .sample(PodSample(time: 2, limit: 500, request: 500, usage: 100, memory: 7)), .first,
      ])
  }
}

@Suite("Metric sources")
struct MetricSourceTests {
  func key(_ pod: String) -> MetricKey { .container(namespace: "default", pod: pod, name: "localization-api") }

  func counters(_ snapshot: MetricSnapshot, _ key: MetricKey) throws -> ContainerCounters {
    guard case .counters(let counters) = try #require(snapshot.readings[key]) else { throw POSIXError(.EINVAL) }
    return counters
  }

  @Test("kubelet /metrics/cadvisor: counters with their own times")
  func kubeletCadvisor() throws {
    let fixture = try Fixture.load("node/metrics-cadvisor")
    let snapshot = try KubeletSource.Endpoint.cadvisor.parse(fixture.body, receivedAt: Timestamp(nanoseconds: 0))
    #expect(snapshot.readings.count == 3)
    #expect(snapshot.unreadable == 0)
    let pod = try counters(snapshot, key("localization-api1"))
    #expect(pod.time.nanoseconds == 1_795_472_390_264_000_000)
    #expect(pod.cpuNanoseconds == 16_927_740_506)
    #expect(pod.periods == 889)
    #expect(pod.throttledPeriods != nil)
    #expect(pod.memory == 1_728_512)
    #expect(pod.limit != nil)
  }

  @Test("kubelet /metrics/resource: two looks make a rate")
  func kubeletResource() throws {
    let earlier = try KubeletSource.Endpoint.resource.parse(
      Fixture.load("node/metrics-resource").body, receivedAt: Timestamp(nanoseconds: 0))
    let later = try KubeletSource.Endpoint.resource.parse(
      Fixture.load("node/metrics-resource-later").body, receivedAt: Timestamp(nanoseconds: 0))
    let first = try counters(earlier, key("localization-api1"))
    let second = try counters(later, key("localization-api1"))
    #expect(first.cpuNanoseconds == 16_927_740_506)
    #expect(first.memory == 1_728_512)
    #expect(second.time > first.time)
    let sample = SampleMeter.sample(second, since: first, limit: 500, request: 500)
    #expect(sample.usage > 0 && sample.usage < 1000)
  }

  @Test("kubelet /stats/summary agrees with /metrics/resource of the same moment")
  func kubeletSummary() throws {
    let snapshot = try KubeletSource.Endpoint.summary.parse(
      Fixture.load("node/stats-summary-cpu-memory").body, receivedAt: Timestamp(nanoseconds: 0))
    let pod = try counters(snapshot, key("localization-api2"))
    #expect(pod.cpuNanoseconds == 19_323_386_868)
    #expect(pod.memory == 991_232)
    #expect(pod.time == Timestamp("2026-11-23T22:20:02Z"))
    #expect(pod.cpuPressureNanoseconds == 0)
  }

  @Test("each node is asked once, through the proxy or straight")
  func kubeletSource() throws {
    let body = HTTPResponse(try Fixture.load("node/metrics-cadvisor"))
    let transport = ScriptedTransport(.success(body))
    let client = APIClient(connection: .test(), transport: transport, pacing: FakePacing().pacing)
    let pods = try Fixture.load("pods/list").decode(PodList.self).items
    let selected = PodSelection().choose(from: pods).selected
    let snapshot = try KubeletSource(.proxy(client)).read(selected)
    #expect(transport.requests.map(\.target) == ["/api/v1/nodes/node-a/proxy/metrics/cadvisor"])
    #expect(selected.allSatisfy { snapshot.reading(of: $0) != nil })
    let direct = KubeletSource(.direct { _ in .test() })
    let homeless = PodSelection().choose(
      from: pods.map { pod in
        var pod = pod
        pod.status.hostIP = ""
        return pod
      }
    ).selected
    let error = #expect(throws: ClusterError.self) { try direct.read(homeless) }
    #expect(error?.description.contains("its address is not known") == true)
  }

  @Test("cAdvisor's own API: newest by container, whatever the cgroup driver calls it")
  func cadvisorAPI() throws {
    func entry(_ name: String) -> String {
      """
      {"name":"\(name)","spec":{"cpu":{"quota":25000,"period":100000}},"stats":[
      {"timestamp":"2025-01-01T00:00:00.1Z","cpu":{"usage":{"total":1},"cfs":{"periods":5,"throttled_periods":2}}},
      {"timestamp":"2025-01-01T00:00:01.1Z","cpu":{"usage":{"total":18446744073709551615}}}]}
      """
    }
    let names = ["/kubepods/burstable/podX/" + id1, "/kubepods.slice/cri-containerd-\(id1).scope", "/kubepods/podX"]
    for name in names.prefix(2) {
      let snapshot = try CadvisorAPI.parse(Data("[\(entry(name))]".utf8))
      let found = try counters(snapshot, .id(id1))
      #expect(found.limit == 250)
      #expect(found.cpuNanoseconds == .max)
    }
    let others = [names[2], "/kubepods.slice/kubepods-podX.slice/crio-conmon-\(id1).scope"]
    for name in others { #expect(try CadvisorAPI.parse(Data("[\(entry(name))]".utf8)).readings.isEmpty) }
    #expect(throws: ClusterError.self) { try CadvisorAPI.parse(Data("{}".utf8)) }
  }

  @Test("metrics.k8s.io: averages with nanocores")
  func metricsServer() throws {
    let body = """
      {"kind":"PodMetricsList","metadata":{},"items":[{"metadata":{"name":"a","namespace":"shop"},
      "timestamp":"2026-11-23T22:20:02Z","window":"15.3s","containers":[{"name":"app","usage":
      {"cpu":"363487890n","memory":"968Ki"}},{"name":"new","usage":{}}]}]}
      """
    let snapshot = try MetricsServer.parse(Data(body.utf8))
    #expect(
      snapshot.readings == [
        .container(namespace: "shop", pod: "a", name: "app"): .average(
          AverageUsage(
            time: try #require(Timestamp("2026-11-23T22:20:02Z")), usage: 363.48789, memory: 991_232))
      ])
  }

  static func matrix(_ points: String, cpu: String = "total") -> HTTPResponse {
    .json(
      """
      {"status":"success","data":{"resultType":"matrix","result":[{"metric":{"namespace":"default","cpu":"\(cpu)",
      "pod":"localization-api1","container":"localization-api"},"values":[\(points)]}]}}
      """)
  }

  @Test("Prometheus: counters with the times of their scrapes")
  func prometheus() throws {
    let transport = ScriptedTransport(
      .success(Self.matrix("[1795472390.264,\"16.927740506\"],[1795472400.5,\"18.5\"]")),
      .success(Self.matrix("[1795472400.5,\"1.728512e+06\"]")), .success(Self.matrix("[1795472400.5,\"889\"]")),
      .success(Self.matrix("[1795472400.5,\"12\"]")))
    let selected = PodSelection().choose(from: [try recordedPod()]).selected
    let snapshot = try Prometheus(transport, token: "t").read(selected)
    let found = try counters(snapshot, key("localization-api1"))
    #expect(found.time == Timestamp("2026-11-23T22:20:00.5Z"))
    #expect(found.cpuNanoseconds == 18_500_000_000)
    #expect(found.memory == 1_728_512)
    #expect(found.throttledPeriods == 12)
    #expect(transport.requests.count == 4)
    #expect(transport.requests[0].headers["Authorization"] == "Bearer t")
    #expect(transport.requests[0].target.hasPrefix("/api/v1/query?query=container_cpu_usage_seconds_total%7B"))
  }

  @Test("Prometheus: a latency query gives a number a pod, and a wrong one its own words")
  func latency() throws {
    let answer = """
      {"status":"success","data":{"resultType":"vector","result":[
      {"metric":{"namespace":"a","pod":"b"},"value":[1,"0.25"]},{"metric":{"namespace":"a","pod":"c"},"value":[1,"NaN"]},
      {"metric":{"job":"x"},"value":[1,"1"]}]}}
      """
    #expect(try Prometheus(ScriptedTransport(.success(.json(answer)))).values("q") == ["a/b": 0.25])
    let refusal = ScriptedTransport(
      .success(.json("{\"status\":\"error\",\"error\":\"parse error at char 3\"}", status: 400)))
    let error = #expect(throws: ClusterError.self) { try Prometheus(refusal).values("(((") }
    #expect(error?.description.contains("parse error at char 3") == true)
  }

  @Test(
    "a body that is no such thing is told, not trapped on",
    arguments: ["", "{", "[]", "{\"status\":5}", "null", "{\"items\":[{}]}"])
  func damaged(_ text: String) {
    let body = Data(text.utf8)
    #expect(throws: ClusterError.self) { try Prometheus.parse(body) }
    #expect(throws: ClusterError.self) { try MetricsServer.parse(body) }
    if text != "[]" { #expect(throws: ClusterError.self) { try CadvisorAPI.parse(body) } }
    _ = try? KubeletSummary.parse(body)
  }
}

@Suite("Prometheus text format")
struct ExpositionTests {
  func parse(_ text: String) -> (lines: [String], unreadable: Int) {
    var lines: [String] = []
    let unreadable = Exposition.forEachSample(in: Data(text.utf8), of: ["a_total", "b"]) { line in
      lines.append("\(line.metric) \(line.label("x") ?? "-") \(line.value) \(line.time?.nanoseconds ?? -1)")
    }
    return (lines, unreadable)
  }

  @Test(
    "lines of every form",
    arguments: [
      ("a_total 1", "0 - 1.0 -1"), ("a_total{x=\"y\"} 2.5e3 7", "0 y 2500.0 7000000"), ("b{} +Inf", "1 - inf -1"),
      ("b{w=\"}\",x=\"a\\\"b\\\\c\\nd\",} 1\r", "1 a\"b\\c\nd 1.0 -1"), ("b{xx=\"1\", x=\"2\"} 3", "1 2 3.0 -1"),
      ("b{x=\"\"}\t4", "1  4.0 -1"), ("b{x=\"µ\"} 1 -5", "1 µ 1.0 -5000000"),
    ])
  func reads(_ text: String, _ expected: String) {
    for body in [text + "\n", "# HELP a_total x\n\n" + text + "\nother 1\na_totally 3\n"] {
      #expect(parse(body).lines == [expected])
      #expect(parse(body).unreadable == 0)
    }
  }

  @Test(
    "damaged lines are counted and passed over",
    arguments: [
      "a_total{x=\"y\" 1", "a_total{x=\"y} 1", "a_total ", "a_total x", "a_total 1 2.5",
      "a_total{} 1 99999999999999999999",
    ])
  func damaged(_ text: String) {
    let (lines, unreadable) = parse(text + "\nb 1\n")
    #expect(lines == ["1 - 1.0 -1"])
    #expect(unreadable == 1)
  }

  @Test("what was cut off in the middle is not taken for a smaller number")
  func cutOff() {
    #expect(parse("b 1\na_total 6000").lines == ["1 - 1.0 -1"])
    #expect(parse("b 1\na_total 6000").unreadable == 1)
    #expect(parse("b 1\nother 6").unreadable == 0)
  }

  @Test("any bytes are survived", arguments: 0..<50)
  func fuzz(seed: UInt64) throws {
    var state = seed &+ 1
    func below(_ bound: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int(state >> 33) % bound
    }
    var bytes = Array(try Fixture.load("node/metrics-resource").body)
    for _ in 0..<200 { bytes[below(bytes.count)] = [0, 10, 32, 34, 44, 61, 92, 123, 125, 255][below(10)] }
    bytes.removeLast(below(bytes.count))
    _ = KubeletCadvisorMetrics.parse(Data(bytes), receivedAt: .now)
    _ = KubeletResourceMetrics.parse(Data(bytes), receivedAt: .now)
  }
}

@Suite("cgroup files")
struct CgroupTests {
  @Test("version 2")
  func version2() throws {
    let counters = try #require(
      CgroupFiles.version2(
        time: Timestamp(seconds: 1),
        cpuStat: Data("usage_usec 5120\nuser_usec 1\nnr_periods 10\nnr_throttled 3\nthrottled_usec 7\n".utf8),
        cpuMax: Data("25000 100000\n".utf8), memoryCurrent: Data("1000\n".utf8),
        memoryStat: Data("anon 1\ninactive_file 300\n".utf8), memoryEvents: Data("oom 2\noom_kill 1\n".utf8),
        cpuPressure: Data("some avg10=0.00 avg60=0.00 avg300=0.00 total=42\nfull avg10=0 total=1\n".utf8),
        memoryPressure: nil))
    var expected = ContainerCounters(time: Timestamp(seconds: 1), cpuNanoseconds: 5_120_000, memory: 700, limit: 250)
    expected.periods = 10
    expected.throttledPeriods = 3
    expected.throttledNanoseconds = 7000
    expected.cpuPressureNanoseconds = 42000
    expected.outOfMemoryKills = 1
    #expect(counters == expected)
  }

  @Test("version 1")
  func version1() throws {
    let counters = try #require(
      CgroupFiles.version1(
        time: Timestamp(seconds: 1), cpuStat: Data("nr_periods 10\nnr_throttled 3\nthrottled_time 7\n".utf8),
        cpuUsage: Data("5120\n".utf8), quota: Data("-1\n".utf8), period: Data("100000\n".utf8),
        memoryUsage: Data("1000".utf8), memoryStat: Data("total_inactive_file 2000\n".utf8)))
    #expect(counters.cpuNanoseconds == 5120)
    #expect(counters.throttledNanoseconds == 7)
    #expect(counters.limit == nil)
    #expect(counters.memory == 0)
  }

  @Test(
    "contents that make no sense give nothing and trap on nothing",
    arguments: [
      "", "max", "usage_usec", "usage_usec -1", "usage_usec x", "usage_usec 99999999999999999999999", "\u{0}",
    ])
  func damaged(_ text: String) {
    let data = Data(text.utf8)
    #expect(
      CgroupFiles.version2(
        time: .now, cpuStat: data, cpuMax: data, memoryCurrent: data, memoryStat: data, memoryEvents: data,
        cpuPressure: data, memoryPressure: data) == nil)
    #expect(
      CgroupFiles.version1(
        time: .now, cpuStat: data, cpuUsage: data, quota: data, period: data, memoryUsage: data, memoryStat: data)
        == nil)
  }

  @Test(
    "a container is found wherever the driver has put it",
    arguments: [
      "kubepods.slice/kubepods-burstable.slice/kubepods-burstable-podu_1.slice/cri-containerd-\(id1).scope",
      "kubepods/burstable/podu-1/\(id1)",
      "kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-podu.slice/crio-\(id1).scope",
    ])
  func finds(_ path: String) throws {
    let folder = try TemporaryFolder()
    _ = try folder.write("cgroup.controllers", "cpu memory\n")
    try FileManager.default.createDirectory(atPath: folder.path + "/" + path, withIntermediateDirectories: true)
    _ = try folder.write(path + "/cpu.stat", "usage_usec 1000\n")
    _ = try folder.write(path + "/cpu.max", "max 100000\n")
    let pod = try PodSelection().judge(
      recordedPod { $0.status.containerStatuses[0].containerID = "containerd://" + id1 }
    ).get()
    let source = try CgroupSource(root: folder.path)
    let snapshot = try source.read([pod])
    guard case .counters(let counters)? = snapshot.reading(of: pod) else {
      Issue.record("nothing found")
      return
    }
    #expect(counters.cpuNanoseconds == 1_000_000)
    #expect(counters.limit == nil)
    try FileManager.default.removeItem(atPath: folder.path + "/" + path)
    #expect(try source.read([pod]).readings.isEmpty)
  }

  /// A cgroup file system of version 2 with these cgroups, each with so many microseconds used.
  private func cgroups(_ used: KeyValuePairs<String, Int>) throws -> TemporaryFolder {
    let folder = try TemporaryFolder()
    _ = try folder.write("cgroup.controllers", "cpu memory\n")
    for (path, used) in used { try add(path, used, to: folder) }
    return folder
  }

  private func add(_ path: String, _ used: Int, to folder: TemporaryFolder) throws {
    try FileManager.default.createDirectory(atPath: folder.path + "/" + path, withIntermediateDirectories: true)
    _ = try folder.write(path + "/cpu.stat", "usage_usec \(used)\n")
  }

  @Test(
    "what counts is the container, not the monitor that CRI-O starts beside it, wherever that is",
    arguments: ["kubepods.slice/kubepods-podu.slice", "system.slice", "aaa.slice"])
  func monitor(_ place: String) throws {
    let slice = "kubepods.slice/kubepods-podu.slice"
    let folder = try cgroups([
      place + "/crio-conmon-\(id1).scope": 1, slice + "/crio-\(id1).scope": 2000,
      // Some runtime's own folder of the same name, outside the pods.
      place == slice ? "other" : place + "/run-\(id1).scope": 2,
    ])
    let found = try withExtendedLifetime(folder) { try CgroupTree(root: folder.path).find([id1]) }
    #expect(found == [id1: slice + "/crio-\(id1).scope"])
  }

  @Test("containers of other nodes are not searched for in every round, only now and then and when there are new ones")
  func otherNodes() throws {
    let folder = try cgroups(["kubepods/pod1/\(id1)": 1])
    let others = (0..<2).map { String(id1.dropLast()) + String($0) }
    let pods = try ([id1] + others).map { id in
      try PodSelection().judge(recordedPod { $0.status.containerStatuses[0].containerID = "cri-o://" + id }).get()
    }
    let clock = FakePacing()
    let source = try CgroupSource(root: folder.path, now: clock.pacing.now)
    func seen(_ count: Int) throws -> Int { try source.read(Array(pods.prefix(count))).readings.count }
    #expect(try seen(2) == 1)
    try add("kubepods/pod2/\(others[0])", 1, to: folder)
    #expect(try seen(2) == 1, "it was searched for just now")
    #expect(try seen(3) == 2, "another is missing: all are searched for")
    try add("kubepods/pod3/\(others[1])", 1, to: folder)
    clock.advance(CgroupSource.searchInterval - 1)
    #expect(try seen(3) == 2)
    clock.advance(1)
    #expect(try withExtendedLifetime(folder) { try seen(3) } == 3)
  }

  @Test("a folder that is no cgroup file system is told")
  func noCgroups() throws {
    let folder = try TemporaryFolder()
    let error = #expect(throws: ClusterError.self) { try CgroupSource(root: folder.path) }
    #expect(error?.description.contains("is no cgroup file system") == true)
  }
}
