import Foundation
import Synchronization
import Testing

@testable import Kubernetes

@Suite("Following pods")
struct PodWatcherTests {
  func events(_ fixture: String) throws -> [PodEvent] {
    try Fixture.load(fixture).lines().map { try JSONDecoder().decode(PodEvent.self, from: $0) }
  }

  /// `+name`, `~name`, `-name`.
  static func drawing(_ changes: [PodChange]) -> String {
    changes.map { change in
      switch change {
      case .appeared(let pod): "+" + pod.metadata.name.suffix(1)
      case .changed(_, let pod): "~" + pod.metadata.name.suffix(1)
      case .vanished(let pod): "-" + pod.metadata.name.suffix(1)
      }
    }.joined(separator: " ")
  }

  @Test("a recorded watch becomes appearances, changes and disappearances")
  func recorded() throws {
    var store = PodStore()
    #expect(Self.drawing(store.replace(with: try Fixture.load("pods/list").decode(PodList.self))) == "+1 +2 +3")
    var changes: [PodChange] = []
    for event in try events("watch/added-modified-deleted-bookmark") { changes += store.apply(event) }
    // Pod 1 of the watch has another uid than that of the list: another run of the cluster.
    #expect(Self.drawing(changes) == "+4 ~4 ~4 ~4 ~4 -1 +1 ~1 ~1 ~4 -4")
    #expect(store.resourceVersion == "348")
    #expect(store.pods.count == 3)
  }

  @Test("a list removes what it lacks and leaves alone what it repeats")
  func relist() throws {
    var store = PodStore()
    let list = try Fixture.load("pods/list").decode(PodList.self)
    _ = store.replace(with: list)
    #expect(store.replace(with: list).isEmpty)
    var shorter = list
    shorter.items.removeFirst()
    #expect(Self.drawing(store.replace(with: shorter)) == "-1")
  }

  @Test("a late deletion of a recreated pod leaves the new one")
  func recreated() throws {
    var store = PodStore()
    let old = try recordedPod()
    let new = try recordedPod { $0.metadata.uid = "new" }
    _ = store.apply(.added(old))
    #expect(Self.drawing(store.apply(.added(new))) == "-1 +1")
    #expect(store.apply(.deleted(old)).isEmpty)
    #expect(store.pods[new.key]?.metadata.uid == "new")
  }

  @Test("the plan: list, watch, reconnect, back off, list again when forgotten")
  func plan() {
    var plan = WatchPlan(backoff: Backoff(base: 1, maximum: 8))
    let gone = ClusterError(.gone, operation: "", message: "")
    let server = ClusterError(.server, operation: "", message: "")
    #expect(plan.step == .list)
    func proceed(_ outcome: WatchPlan.Outcome) -> Double { plan.proceed(after: outcome, random: 0) }
    let rests = [
      proceed(.failed(server)), proceed(.failed(server)), proceed(.listed), proceed(.ended(events: 5)),
      proceed(.ended(events: 0)), proceed(.failed(server)), proceed(.failed(server)),
    ]
    #expect(rests == [0.5, 1, 0, 0, 0.5, 0.5, 1])
    #expect(plan.step == .watch)
    let relist = [proceed(.listed), proceed(.failed(gone))]
    #expect(relist == [0, 0])
    #expect(plan.step == .list)
    let again = proceed(.failed(gone))
    #expect(again == 1)
  }

  @Test("the watcher lists, watches from there, reconnects, and lists again after 410")
  func watcher() throws {
    let list = HTTPResponse(try Fixture.load("pods/list"))
    let steps = HTTPResponse(try Fixture.load("watch/resize-steps"))
    let gone = HTTPResponse(try Fixture.load("watch/error-410-gone"))
    let end = Mutex<PodWatcher?>(nil)
    let transport = ScriptedTransport { _, number in
      switch number {
      case 0: return .success(list)
      case 1: return .success(steps)
      case 2: return .failure(TransportError(.timedOut, "silent"))
      case 3: return .success(gone)
      case 4: return .success(list)
      default:
        end.withLock { $0?.stop() }
        return .success(HTTPResponse(status: 403))
      }
    }
    let clock = FakePacing()
    let changes = Mutex<[PodChange]>([])
    let watcher = PodWatcher(
      client: APIClient(connection: .test(), transport: transport, pacing: clock.pacing), namespace: "default",
      selectors: [.init(name: "labelSelector", value: "app=localization-api")], pacing: clock.pacing
    ) { new in changes.withLock { $0 += new } }
    end.withLock { $0 = watcher }
    watcher.run()
    end.withLock { $0 = nil }

    #expect(watcher.isSynced)
    let targets = transport.requests.map(\.target)
    #expect(targets.count == 6)
    #expect(targets[0].hasPrefix("/api/v1/namespaces/default/pods?labelSelector=app%3Dlocalization-api&limit=500"))
    let version = try Fixture.load("pods/list").decode(PodList.self).metadata.resourceVersion
    #expect(targets[1].contains("watch=true&allowWatchBookmarks=true"))
    #expect(targets[1].contains("resourceVersion=\(version)&"))
    #expect(targets[2].contains("resourceVersion=370&"))
    #expect(targets[3].contains("resourceVersion=370&"))
    #expect(targets[4].contains("limit=500"))
    #expect(targets[5].contains("resourceVersion=\(version)&"))
    // 0.375 s after the silent stream; the 410 is answered at once although it is the second failure in a row.
    #expect(Self.drawing(changes.withLock { Array($0.prefix(3)) }) == "+1 +2 +3")
    #expect(watcher.pods.count == 3)
  }

  @Test("a damaged line makes the watcher list again")
  func damaged() throws {
    let list = HTTPResponse(try Fixture.load("pods/list"))
    let end = Mutex<PodWatcher?>(nil)
    let transport = ScriptedTransport { _, number in
      if number == 2 { end.withLock { $0?.stop() } }
      return .success(number % 2 == 0 ? list : .json("{\"type\":\"MODIFIED\",\"object\":5}\n"))
    }
    let clock = FakePacing()
    let watcher = PodWatcher(
      client: APIClient(connection: .test(), transport: transport, pacing: clock.pacing), namespace: nil,
      pacing: clock.pacing)
    end.withLock { $0 = watcher }
    watcher.run()
    end.withLock { $0 = nil }
    #expect(transport.requests.map { $0.target.hasPrefix("/api/v1/pods?limit") } == [true, false, true])
  }

  @Test("on its own thread, over a real connection: listed, then events as they come, then stopped")
  func thread() throws {
    let list = String(decoding: try Fixture.load("pods/list").body, as: UTF8.self)
    let lines = String(decoding: try Fixture.load("watch/resize-steps").body, as: UTF8.self)
    let server = try TinyServer { request in
      request.head.contains("watch=true")
        ? .sendAndHold(TinyServer.chunkedHead + TinyServer.chunk(lines)) : .send(TinyServer.ok(list))
    }
    defer { server.stop() }
    let connection = ClusterConnection(
      address: ServerAddress(base: server.base), credentials: Credentials(source: .none), namespace: "default",
      label: "context 'test'")
    let drawings = ThreadMailbox()
    let watcher = PodWatcher(client: APIClient(connection: connection), namespace: "default") {
      drawings.append(Self.drawing($0))
    }
    watcher.start()
    defer { watcher.stop() }
    #expect(drawings.wait(for: 4) == ["+1 +2 +3", "-2 +2", "~2", "~2"])
    #expect(watcher.isSynced)
    #expect(watcher.failure == nil)
  }
}

/// Texts handed from a thread to a test that waits for them.
final class ThreadMailbox: Sendable {
  private let texts = Mutex<[String]>([])
  private let arrived = DispatchSemaphore(value: 0)

  func append(_ text: String) {
    texts.withLock { $0.append(text) }
    arrived.signal()
  }

  func wait(for count: Int) -> [String] {
    for _ in 0..<count where arrived.wait(timeout: .now() + 30) == .timedOut { break }
    return texts.withLock { $0 }
  }
}
