import Testing

@testable import Kubernetes

@Suite("What bounds a container's CPU")
struct LimitRangeBoundsTests {
  private func cpu(_ request: Int?, _ limit: Int?) -> ResourceRequirements {
    var resources = ResourceRequirements()
    resources.requests["cpu"] = request.map(Quantity.init(millicores:))
    resources.limits["cpu"] = limit.map(Quantity.init(millicores:))
    return resources
  }

  /// A pod with the container "app" (request 100m, limit 500m), and what else it is given.
  private func pod(
    others: [ResourceRequirements] = [], initial: [(restartPolicy: String, resources: ResourceRequirements)] = [],
    own: ResourceRequirements? = nil
  ) -> Pod {
    var spec = PodSpec(containers: [Container(name: "app", resources: cpu(100, 500))])
    spec.containers += others.enumerated().map { Container(name: "other\($0.offset)", resources: $0.element) }
    spec.initContainers = initial.enumerated().map { place, container in
      var made = Container(name: "init\(place)", resources: container.resources)
      made.restartPolicy = container.restartPolicy
      return made
    }
    spec.resources = own
    return Pod(metadata: ObjectMetadata(name: "a", namespace: "shop", uid: "u"), spec: spec)
  }

  private func range(min: Int? = nil, max: Int? = nil, ratio: String? = nil) throws -> [LimitRange] {
    var item = LimitRange.Item(type: "Pod")
    item.min["cpu"] = min.map(Quantity.init(millicores:))
    item.max["cpu"] = max.map(Quantity.init(millicores:))
    item.maxLimitRequestRatio["cpu"] = try ratio.map { try Quantity($0) }
    return [LimitRange(metadata: ObjectMetadata(), items: [item])]
  }

  @Test("a LimitRange on pods counts sidecars")
  func sidecars() throws {
    let pod = pod(initial: [("Always", cpu(100, 2000))])
    let bounds = LimitRangeBounds(try range(max: 4000), pod: pod, container: "app")
    #expect(try PodResize(of: pod, container: "app", to: 3500, bounds: bounds).limit == 2000)
    let sidecar = LimitRangeBounds(try range(max: 4000), pod: pod, container: "init0")
    #expect(try PodResize(of: pod, container: "init0", to: 9000, bounds: sidecar).limit == 3500)
    let lower = LimitRangeBounds(try range(min: 250), pod: pod, container: "app")
    #expect(lower.minimum == 150)
  }

  @Test("an ordinary init container counts beside the sidecars that were started before it")
  func initContainers() throws {
    let pod = pod(initial: [("", cpu(600, 3000)), ("Always", cpu(100, 1000)), ("", cpu(50, 2500))])
    // The first ran alone and has the pod's minimum already; the last runs beside the sidecar.
    #expect(LimitRangeBounds(try range(min: 600), pod: pod, container: "app").minimum == 0)
    #expect(LimitRangeBounds(try range(min: 700), pod: pod, container: "app").minimum == 600)
    #expect(LimitRangeBounds(try range(max: 4000), pod: pod, container: "app").maximum == 3000)
    #expect(LimitRangeBounds(try range(max: 4000), pod: pod, container: "init1").maximum == 1500)
  }

  @Test("a LimitRange on pods keeps limit ÷ request of the whole pod")
  func ratio() throws {
    let pod = pod(others: [cpu(50, 300)])
    let four = LimitRangeBounds(try range(ratio: "4"), pod: pod, container: "app")
    #expect(try PodResize(of: pod, container: "app", to: 900, bounds: four).limit == 300)
    let requests = try PodResize(of: pod, container: "app", to: 20, values: .requestsOnly, bounds: four)
    #expect((requests.limit, requests.request) == (500, 150))
    let narrow = LimitRangeBounds(try range(ratio: "1.5"), pod: pod, container: "app")
    #expect(throws: ResizeRefusal.limitRequestRatio(1.5)) {
      try PodResize(of: pod, container: "app", to: 900, bounds: narrow)
    }
  }

  @Test("no container's limit goes above the pod's own, and requests stay within the pod's together")
  func ownResources() throws {
    let pod = pod(others: [cpu(250, nil)], own: cpu(400, 1000))
    let bounds = LimitRangeBounds([], pod: pod, container: "app")
    let limits = try PodResize(of: pod, container: "app", to: 1500, requestBaseline: 300, bounds: bounds)
    #expect((limits.limit, limits.request) == (1000, 150))
    let requests = try PodResize(of: pod, container: "app", to: 300, values: .requestsOnly, bounds: bounds)
    #expect((requests.limit, requests.request) == (500, 150))
    let both = try PodResize(of: pod, container: "app", to: 300, values: .requestsAndLimits, bounds: bounds)
    #expect((both.limit, both.request) == (150, 150))
    #expect(bounds.largest(.limitsOnly, of: pod) == 1000)
    #expect(bounds.largest(.requestsAndLimits, of: pod) == 150)
  }

  @Test("a class that comes from the pod's own resources leaves its containers' requests alone")
  func ownClass() throws {
    var own = cpu(1000, 1000)
    own.limits["memory"] = try Quantity("1Gi")
    own.requests["memory"] = try Quantity("1Gi")
    let pod = pod(own: own)
    #expect(QualityOfService(pod) == .guaranteed)
    let resize = try PodResize(
      of: pod, container: "app", to: 1500, bounds: LimitRangeBounds([], pod: pod, container: "app"))
    #expect((resize.limit, resize.request) == (1000, 100))
  }

  @Test("a LimitRange on pods looks at the pod's own resources where it has any")
  func ownResourcesInRange() throws {
    let pod = pod(others: [cpu(50, 900)], own: cpu(400, 1000))
    let bounds = LimitRangeBounds(try range(min: 300, max: 1000, ratio: "3"), pod: pod, container: "app")
    #expect(bounds.minimum == 0)
    #expect(try PodResize(of: pod, container: "app", to: 900, bounds: bounds).limit == 900)
  }
}
