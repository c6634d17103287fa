import Foundation
import Kubernetes
import Testing

@testable import Control

@Suite("Places")
struct PodRosterTests {
  static func pod(
    _ name: String, uid: String? = nil, limit: Int = 200, phase: String = "Running", generation: Int = 1
  ) -> Pod {
    var container = Container(
      name: "app",
      resources: ResourceRequirements(
        limits: ["cpu": Quantity(millicores: limit)], requests: ["cpu": Quantity(millicores: 100)]))
    container.image = "web"
    var pod = Pod(
      metadata: ObjectMetadata(name: name, namespace: "default", uid: uid ?? "uid-" + name),
      spec: PodSpec(containers: [container]), status: PodStatus(phase: phase))
    pod.metadata.generation = generation
    pod.status.qosClass = "Burstable"
    var status = ContainerStatus(name: "app")
    status.containerID = "containerd://" + (uid ?? name)
    status.state = try? JSONDecoder().decode(ContainerStatus.State.self, from: Data("{\"running\":{}}".utf8))
    status.resources = container.resources
    pod.status.containerStatuses = [status]
    return pod
  }

  private func roster(places: Int = 0, maximum: Int = 10, capacity: Int = 1000) -> PodRoster {
    PodRoster(selection: PodSelection(), places: places, placesMaximum: maximum, capacity: capacity) { _ in 50 }
  }

  private func drawing(_ roster: PodRoster) -> String {
    roster.places.map { $0?.name ?? "-" }.joined(separator: " ")
  }

  @Test("the first pods get their places in the order of their names, whatever order they are told in")
  func order() {
    var roster = roster()
    let events = roster.apply(["web-10", "web-2", "web-1"].map { .appeared(Self.pod($0)) })
    #expect(drawing(roster) == "web-1 web-2 web-10")
    #expect(events == [.taken(0), .taken(1), .taken(2)])
  }

  @Test("a place that is left goes to whoever waits, and its number stays")
  func waiting() {
    var roster = roster(maximum: 2)
    _ = roster.apply(["a", "b", "c"].map { .appeared(Self.pod($0)) })
    #expect(drawing(roster) == "a b")
    let events = roster.apply([.vanished(Self.pod("a"))])
    #expect(drawing(roster) == "c b")
    #expect(events == [.left(0), .taken(0)])
  }

  @Test("a pod that comes back under its name gets its place back")
  func home() {
    var roster = roster()
    _ = roster.apply(["a", "b", "c"].map { .appeared(Self.pod($0)) })
    _ = roster.apply([.vanished(Self.pod("b")), .vanished(Self.pod("a"))])
    #expect(drawing(roster) == "- - c")
    let events = roster.apply([.appeared(Self.pod("b", uid: "new"))])
    #expect(drawing(roster) == "- b c")
    #expect(events == [.taken(1)])
  }

  @Test("a pod that is replaced at once under its name is another tenant of the same place")
  func replaced() {
    var roster = roster()
    _ = roster.apply([.appeared(Self.pod("a"))])
    let events = roster.apply([.changed(from: Self.pod("a"), to: Self.pod("a", uid: "new"))])
    #expect(events == [.taken(0)])
    #expect(roster.places[0]?.uid == "new")
  }

  @Test("a pod that ends or is not running leaves its place")
  func ends() {
    var roster = roster()
    _ = roster.apply([.appeared(Self.pod("a"))])
    let events = roster.apply([.changed(from: Self.pod("a"), to: Self.pod("a", phase: "Succeeded"))])
    #expect(events == [.left(0)])
    #expect(roster.refused["default/a"] == .notRunning("Succeeded"))
  }

  @Test("a pod whose minimum does not fit the pool waits until there is room")
  func capacity() {
    var roster = roster(capacity: 120)
    _ = roster.apply(["a", "b", "c"].map { .appeared(Self.pod($0)) })
    #expect(drawing(roster) == "a b")
    _ = roster.apply([.vanished(Self.pod("a"))])
    #expect(drawing(roster) == "c b")
  }

  @Test("an excluded pod is not driven again, another of its name is")
  func excluded() {
    var roster = roster()
    _ = roster.apply([.appeared(Self.pod("a"))])
    #expect(roster.exclude(0) == [.left(0)])
    _ = roster.apply([.changed(from: Self.pod("a"), to: Self.pod("a", limit: 300))])
    #expect(drawing(roster) == "-")
    _ = roster.apply([.vanished(Self.pod("a")), .appeared(Self.pod("a", uid: "new"))])
    #expect(drawing(roster) == "a")
  }

  @Test("an event that is older than the answer to our patch does not turn the specification back")
  func outdated() {
    var roster = roster()
    _ = roster.apply([.appeared(Self.pod("a", generation: 1))])
    roster.refresh(0, with: Self.pod("a", limit: 250, generation: 2))
    _ = roster.apply([.changed(from: Self.pod("a"), to: Self.pod("a", limit: 200, generation: 1))])
    #expect(roster.places[0]?.limit == 250)
  }

  @Test("however pods come and go, nobody has two places and no place two pods", arguments: 0..<30)
  func invariant(seed: UInt64) {
    var state = seed &* 0x9e37_79b9_7f4a_7c15 &+ 1
    func below(_ bound: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int(state >> 33) % bound
    }
    var roster = roster(maximum: 1 + below(6), capacity: 50 * (1 + below(8)))
    for round in 0..<300 {
      let pod = Self.pod("p\(below(10))", uid: "u\(below(3))-\(below(20))", phase: below(5) == 0 ? "Failed" : "Running")
      let changes: [PodChange] =
        switch below(4) {
        case 0: [.vanished(pod)]
        case 1: [.vanished(pod), .appeared(pod)]
        default: [.appeared(pod)]
        }
      let before = roster.places.map { $0?.uid }
      let events = roster.apply(changes)
      let held = roster.places.compactMap { $0?.key }
      #expect(Set(held).count == held.count, "round \(round)")
      #expect(roster.places.count <= roster.placesMaximum)
      #expect(held.count * 50 <= roster.capacity)
      #expect(Set(held).isDisjoint(with: roster.waiting.keys))
      // Whoever has changed is told.
      for place in roster.places.indices {
        let was = place < before.count ? before[place] : nil
        if was != roster.places[place]?.uid {
          #expect(events.contains(.taken(place)) || events.contains(.left(place)))
        }
      }
    }
  }
}
