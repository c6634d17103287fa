import Foundation
import Testing

@testable import Kubernetes

@Suite("Pod resize")
struct PodResizeTests {
  /// A pod of one container (and others), with the class its resources imply.
  func pod(cpu: (Int?, Int?), memory: (String?, String?), others: [ResourceRequirements] = []) throws -> Pod {
    var resources = ResourceRequirements()
    resources.requests["cpu"] = cpu.0.map(Quantity.init(millicores:))
    resources.limits["cpu"] = cpu.1.map(Quantity.init(millicores:))
    resources.requests["memory"] = try memory.0.map { try Quantity($0) }
    resources.limits["memory"] = try memory.1.map { try Quantity($0) }
    let containers =
      [Container(name: "app", resources: resources)] + others.map { Container(name: "other", resources: $0) }
    var pod = Pod(
      metadata: ObjectMetadata(name: "a", namespace: "shop", uid: "u"), spec: PodSpec(containers: containers))
    pod.status.qosClass = QualityOfService(spec: pod.spec).rawValue
    return pod
  }

  func text(_ resize: PodResize) -> String { String(decoding: resize.patch, as: UTF8.self) }

  @Test(
    "the class of recorded pods is computed as the server did",
    arguments: [
      "pods/get", "more/below-minimum-pod", "more/limit-added-pod", "more/memory-below-use-pod",
      "more/two-containers-pod",
      "more/pod-level-pod", "pending/static-policy-burstable-pod", "pending/infeasible-pod", "pending/finished-pod",
      "resize/burstable-limit-above-node-settled",
    ])
  func qualityOfService(_ fixture: String) throws {
    let pod = try Fixture.load(fixture).decode(Pod.self)
    #expect(QualityOfService(spec: pod.spec).rawValue == pod.status.qosClass)
  }

  @Test("a Burstable pod's limit moves alone")
  func limitOnly() throws {
    let resize = try PodResize(of: pod(cpu: (100, 500), memory: ("64Mi", "128Mi")), container: "app", to: 250)
    #expect(
      text(resize)
        == "{\"metadata\":{\"uid\":\"u\"},\"spec\":{\"containers\":[{\"name\":\"app\",\"resources\":{\"limits\":{\"cpu\":\"250m\"}}}]}}"
    )
    let request = resize.apiRequest(endpoint: .subresource)
    #expect(request.description == "patch pods/resize a in shop")
    #expect(
      request.path == "/api/v1/namespaces/shop/pods/a/resize?fieldManager=marlise&fieldValidation=Strict")
    #expect(
      resize.apiRequest(endpoint: .pod, dryRun: true).path.hasSuffix(
        "/pods/a?fieldManager=marlise&fieldValidation=Strict&dryRun=All"))
  }

  @Test("the request gives way to a lower limit and returns to its baseline")
  func requestFollows() throws {
    let lowered = try PodResize(of: pod(cpu: (300, 500), memory: (nil, "1Gi")), container: "app", to: 200)
    // Memory is request = limit (by default), so that CPU must not be.
    #expect((lowered.limit, lowered.request) == (200, 199))
    let burstable = try pod(cpu: (200, 200), memory: ("1Mi", "2Mi"))
    let raised = try PodResize(of: burstable, container: "app", to: 400, requestBaseline: 300)
    #expect((raised.limit, raised.request) == (400, 300))
    #expect(try PodResize(of: burstable, container: "app", to: 400).request == 200)
  }

  @Test("a Guaranteed pod moves both")
  func guaranteed() throws {
    let pod = try pod(cpu: (500, 500), memory: ("1Gi", "1Gi"))
    for values in [ControlledValues.limitsOnly, .requestsAndLimits] {
      let resize = try PodResize(of: pod, container: "app", to: 250, values: values)
      #expect((resize.limit, resize.request) == (250, 250))
      #expect(text(resize).contains("\"limits\":{\"cpu\":\"250m\"},\"requests\":{\"cpu\":\"250m\"}"))
    }
    #expect(throws: ResizeRefusal.qualityOfService(.guaranteed)) {
      try PodResize(of: pod, container: "app", to: 250, values: .requestsOnly)
    }
  }

  @Test("requests only, within the limit")
  func requestsOnly() throws {
    let pod = try pod(cpu: (100, 500), memory: ("64Mi", "128Mi"))
    let resize = try PodResize(of: pod, container: "app", to: 900, values: .requestsOnly)
    #expect((resize.limit, resize.request) == (500, 500))
    #expect(!resize.changesLimit && resize.changesRequest)
  }

  @Test("what cannot be done is refused before it is sent")
  func refuses() throws {
    #expect(throws: ResizeRefusal.qualityOfService(.bestEffort)) {
      try PodResize(of: pod(cpu: (nil, nil), memory: (nil, nil)), container: "app", to: 100)
    }
    #expect(throws: ResizeRefusal.noSuchContainer("web")) {
      try PodResize(of: pod(cpu: (100, 100), memory: (nil, nil)), container: "web", to: 100)
    }
    #expect(throws: ResizeRefusal.noLimit("app")) {
      try PodResize(of: pod(cpu: (100, nil), memory: (nil, nil)), container: "app", to: 100)
    }
    var bounds = LimitRangeBounds()
    bounds.minimum = 300
    bounds.maximum = 200
    #expect(throws: ResizeRefusal.limitRange(minimum: 300, maximum: 200)) {
      try PodResize(of: pod(cpu: (100, 500), memory: (nil, nil)), container: "app", to: 100, bounds: bounds)
    }
  }

  @Test("a LimitRange is kept: container, pod and ratio")
  func limitRange() throws {
    let other = ResourceRequirements(
      limits: ["cpu": Quantity(millicores: 300)], requests: ["cpu": Quantity(millicores: 50)])
    let pod = try pod(cpu: (100, 200), memory: ("1Mi", "2Mi"), others: [other])
    func range(_ item: LimitRange.Item) -> LimitRangeBounds {
      LimitRangeBounds([LimitRange(metadata: ObjectMetadata(), items: [item])], pod: pod, container: "app")
    }
    let container = range(
      .init(type: "Container", min: ["cpu": Quantity(millicores: 80)], max: ["cpu": Quantity(millicores: 350)]))
    #expect(try PodResize(of: pod, container: "app", to: 900, bounds: container).limit == 350)
    #expect(try PodResize(of: pod, container: "app", to: 10, bounds: container).limit == 80)
    let whole = range(.init(type: "Pod", max: ["cpu": Quantity(millicores: 1000)]))
    #expect(try PodResize(of: pod, container: "app", to: 900, bounds: whole).limit == 700)
    let ratio = range(.init(type: "Container", maxLimitRequestRatio: ["cpu": try Quantity("3")]))
    #expect(try PodResize(of: pod, container: "app", to: 900, bounds: ratio).limit == 300)
  }

  @Test("any target on any pod keeps the rules", arguments: 0..<300)
  func invariant(seed: UInt64) throws {
    var state = seed &* 0x9e37_79b9_7f4a_7c15 &+ 7
    func below(_ bound: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int(state >> 33) % bound
    }
    let limit = 1 + below(2000)
    let request = below(3) == 0 ? limit : 1 + below(limit)
    let hasEqualMemory = below(2) == 0
    let pod = try pod(cpu: (request, limit), memory: ("64Mi", hasEqualMemory ? "64Mi" : "128Mi"))
    let target = [Int.min, -1, 0, 1, 9, below(3000), below(3000), below(3000), Int.max][below(9)]
    let values = ControlledValues.allCases[below(3)]
    var bounds = LimitRangeBounds()
    if below(2) == 0 {
      bounds.minimum = below(300)
      bounds.maximum = bounds.minimum + below(1000)
    }
    guard let resize = try? PodResize(of: pod, container: "app", to: target, values: values, bounds: bounds) else {
      return
    }
    let newLimit = try #require(resize.limit)
    let newRequest = try #require(resize.request)
    #expect(newRequest <= newLimit && newRequest > 0)
    var changed = pod
    changed.spec.containers[0].resources?.limits["cpu"] = Quantity(millicores: newLimit)
    changed.spec.containers[0].resources?.requests["cpu"] = Quantity(millicores: newRequest)
    #expect(QualityOfService(spec: changed.spec).rawValue == pod.status.qosClass)
    if values != .requestsOnly { #expect(newLimit <= bounds.maximum && newLimit >= bounds.minimum) }
    #expect(resize.changesLimit == (newLimit != limit) && resize.changesRequest == (newRequest != request))
  }

  @Test("names are written as JSON whatever is in them", arguments: ["app", "a\"b\\c", "line\nend\u{1}", "µ🙂"])
  func escapes(_ name: String) throws {
    var pod = try pod(cpu: (100, 500), memory: (nil, nil))
    pod.spec.containers[0].name = name
    struct Sent: Decodable {
      struct Spec: Decodable { var containers: [Container] }
      var spec: Spec
    }
    let sent = try JSONDecoder().decode(Sent.self, from: PodResize(of: pod, container: name, to: 250).patch)
    #expect(sent.spec.containers.map(\.name) == [name])
    #expect(sent.spec.containers[0].resources?.limits["cpu"]?.millicores == 250)
  }

  @Test("the proof of rights sends the values the pod has")
  func proof() throws {
    let pod = try pod(cpu: (100, 500), memory: ("64Mi", "128Mi"))
    let proof = try #require(PodResize.proof(of: pod, container: "app"))
    #expect(text(proof).contains("\"limits\":{\"cpu\":\"500m\"},\"requests\":{\"cpu\":\"100m\"}"))
  }

  @Test("annotations and events are written as the API takes them")
  func notes() throws {
    let pod = try pod(cpu: (100, 500), memory: (nil, nil))
    let annotate = PodNotes.annotate(pod, ["marlise/original": "500m", "marlise/decision": nil])
    #expect(annotate.path == "/api/v1/namespaces/shop/pods/a?fieldManager=marlise")
    #expect(
      String(decoding: annotate.body ?? Data(), as: UTF8.self)
        == "{\"metadata\":{\"annotations\":{\"marlise/decision\":null,\"marlise/original\":\"500m\"},\"uid\":\"u\"}}")
    let event = Event(
      about: pod, reason: "Resized", message: "CPU limit 500m -> 250m", at: Timestamp(seconds: 1), instance: "i")
    let create = PodNotes.create(event)
    #expect(create.path == "/api/v1/namespaces/shop/events")
    let body = String(decoding: create.body ?? Data(), as: UTF8.self)
    #expect(body.contains("\"generateName\":\"marlise-\""))
    #expect(body.contains("\"firstTimestamp\":\"1970-01-01T00:00:01Z\""))
  }
}
