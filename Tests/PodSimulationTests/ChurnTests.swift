import Autoscaling
import Foundation
import Testing

@testable import PodSimulation

@Suite("Pods that come and go at random, and by a file")
struct ChurnTests {
  private func churning(seed: UInt64, clusters: Int = 1, threads: Int = 1) throws -> PodCluster {
    var configuration = PodClusterConfiguration(
      pods: Array(repeating: PodParameters(), count: 4), clusters: clusters, seed: seed, threads: threads)
    configuration.churn = PodChurn(stay: 12, absence: 6, restart: 20)
    return try PodCluster(configuration)
  }

  private func presence(_ cluster: PodCluster, of index: Int, seconds: Int) -> [[Bool]] {
    let rates = [Float](repeating: 10, count: cluster.pods * cluster.clusters)
    return (0..<seconds).map { _ in
      cluster.advance(rates: rates)
      return (0..<cluster.pods).map { cluster.isPresent(pod: $0, cluster: index) }
    }
  }

  @Test("the first pod stays, the others are there as often as stays and absences say")
  func shares() throws {
    let cluster = try churning(seed: 3, clusters: 20)
    var present = [0, 0, 0, 0]
    for _ in 0..<400 {
      cluster.advance(rates: [Float](repeating: 2, count: 80))
      for pod in 0..<4 { present[pod] += (0..<20).count { cluster.isPresent(pod: pod, cluster: $0) } }
    }
    #expect(present[0] == 8000)
    // Whole seconds: stays of 12.5 s and absences of 6.5 s on average.
    for pod in 1..<4 { #expect(abs(Double(present[pod]) / 8000 - 12.5 / 19) < 0.05) }
  }

  @Test("an episode's comings and goings are its own, for any number of clusters and threads")
  func determinism() throws {
    let together = try churning(seed: 5, clusters: 3, threads: 2)
    let alone = try churning(seed: 5)
    for episode in 0..<3 {
      alone.reset(episode: episode)
      together.reset(episode: 0)
      #expect(presence(alone, of: 0, seconds: 60) == presence(together, of: episode, seconds: 60))
    }
    alone.reset(episode: 0)
    let first = presence(alone, of: 0, seconds: 60)
    alone.reset(episode: 1)
    #expect(presence(alone, of: 0, seconds: 60) != first)
  }

  @Test("times out of range, and both a schedule and churn, are refused")
  func refusals() {
    var configuration = PodClusterConfiguration(pods: [PodParameters()])
    configuration.churn = PodChurn(stay: 0)
    #expect(throws: SimulationError("churn.stay is 0.0, expected 1.0…1000000.0 seconds")) {
      try configuration.validate()
    }
    configuration.churn = PodChurn()
    configuration.schedules = [PodSchedule()]
    #expect(throws: SimulationError("there are both schedules and churn, expected one")) {
      try configuration.validate()
    }
  }

  private func load(_ text: String) throws -> [PodSchedule] {
    let file = FileManager.default.temporaryDirectory.appendingPathComponent("schedule-\(UUID().uuidString).csv")
    try Data(text.utf8).write(to: file)
    defer { try? FileManager.default.removeItem(at: file) }
    return try PodSchedule.load(file.path, pods: 3)
  }

  @Test("a file says when pods arrive, restart and leave")
  func file() throws {
    let text = "second,pod,event\n5,2,arrive\n5,0,restart\n8,2,restart\n9,0,restart\n9,2,leave\n"
    #expect(
      try load(text) == [PodSchedule(restarts: [5, 9]), PodSchedule(), PodSchedule(start: 5, end: 9, restarts: [8])])
  }

  @Test(
    "a schedule that cannot be is refused by row",
    arguments: [
      ("second,pod\n", "has no column 'event', expected it among: second,pod"),
      ("second,pod,event\n0,1,arrive\n", "row 2: second is '0', expected a whole number in 1…1000000"),
      ("second,pod,event\n4,3,leave\n", "row 2: pod is '3', expected a whole number in 0…2"),
      ("second,pod,event\n4,1,dies\n", "row 2: event is 'dies', expected arrive, restart or leave"),
      ("second,pod,event\n4,1,leave\n3,0,leave\n", "row 3: second is '3', expected a second not before 4: rows ascend"),
      ("second,pod,event\n4,1,leave\n5,1,restart\n", "row 3: event is 'restart', expected nothing: pod 1 has left"),
      ("second,pod,event\n4,1,restart\n4,1,leave\n", "row 3: second is '4', expected one event a second of pod 1"),
      (
        "second,pod,event\n4,1,restart\n6,1,arrive\n",
        "row 3: event is 'arrive', expected restart or leave: pod 1 is there already"
      ),
    ])
  func damagedFile(text: String, sentence: String) throws {
    let error = #expect(throws: SimulationError.self) { try load(text) }
    #expect(try #require(error).description.hasSuffix(sentence), "\(error?.description ?? "")")
  }

  @Test(
    "service graphs by name and as text",
    arguments: [
      ("chain", "0>1>2"), ("fan-out", "0>1+2"), ("shared-backend", "0>2 1>2"), ("0>1+2>1; 2", "0>1+2>1 2"),
      ("1>0\n", "1>0"),
    ])
  func graphs(text: String, routes: String) throws {
    let graph = try ServiceGraph(text, pods: 3)
    #expect(graph.text == routes)
    #expect(try ServiceGraph(graph.text, pods: 3) == graph)
  }

  @Test(
    "text that is no service graph is refused",
    arguments: ["", "web", "0>", "0+1>2", "0>1,2", "0>-1", "0>3", "0>1 0>2", "0>1+1"])
  func noGraph(text: String) {
    #expect(throws: SimulationError.self) { try ServiceGraph(text, pods: 3) }
  }
}
