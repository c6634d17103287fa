import Foundation
import Kubernetes
import Testing

@testable import Control

/// A folder that goes with the test.
final class TestFolder {
  let path: String

  init() throws {
    path = FileManager.default.temporaryDirectory.appendingPathComponent("marlise-control-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }
}

@Suite("Kept originals")
struct OriginalsTests {
  let folder: TestFolder
  var path: String { folder.path + "/state/originals.json" }

  init() throws { folder = try TestFolder() }

  private let pod = PodRosterTests.pod("a")

  @Test("what was kept is there for the next process, and for this very pod only")
  func survives() throws {
    let original = OriginalValues(pod, container: "app")
    #expect(original == OriginalValues(container: "app", limit: 200, request: 100))
    try OriginalsFile(path: path, server: "https://a").keep([(pod, original)])
    let next = try OriginalsFile(path: path, server: "https://a")
    #expect(next.original(of: pod) == original)
    #expect(next.original(of: PodRosterTests.pod("a", uid: "another")) == nil)
    try next.forget([pod])
    #expect(next.original(of: pod) == nil)
  }

  @Test("two processes do not drive one cluster from one file")
  func locked() throws {
    let first = try OriginalsFile(path: path, server: "https://a")
    let error = #expect(throws: StateFileError.self) { try OriginalsFile(path: path, server: "https://a") }
    #expect(error?.description.contains("is in use by another marlise") == true)
    withExtendedLifetime(first) {}
  }

  @Test("a damaged file and a file of another cluster are refused, and left as they are")
  func refused() throws {
    try OriginalsFile(path: path, server: "https://a").keep([(pod, OriginalValues(pod, container: "app"))])
    let other = #expect(throws: StateFileError.self) { try OriginalsFile(path: path, server: "https://b") }
    #expect(other?.description.contains("belongs to the cluster https://a") == true)
    try Data("{\"format\":1,".utf8).write(to: URL(fileURLWithPath: path))
    let damaged = #expect(throws: StateFileError.self) { try OriginalsFile(path: path, server: "https://a") }
    #expect(damaged?.description.contains("is not a file of kept limits") == true)
    #expect(try String(contentsOfFile: path, encoding: .utf8) == "{\"format\":1,")
  }

  @Test("the default path has the server's name and the user's state folder")
  func defaultPath() {
    let path = OriginalsFile.defaultPath(
      server: "https://10.0.0.1:6443/k8s", environment: ["XDG_STATE_HOME": "/var/state"])
    #expect(path == "/var/state/marlise/originals-10.0.0.1_6443_k8s.json")
  }

  @Test("an annotation is read back as it was written; nonsense is nothing")
  func annotation() throws {
    let original = OriginalValues(container: "app", limit: 250, request: nil)
    var pod = pod
    pod.metadata.annotations[OriginalsAnnotation.key] = try OriginalsAnnotation.text(original)
    #expect(pod.metadata.annotations[OriginalsAnnotation.key] == "{\"container\":\"app\",\"limit\":250}")
    let connection = ClusterConnection(
      address: ServerAddress(base: "http://127.0.0.1:1"), credentials: Credentials(source: .none), namespace: "default",
      label: "context 'test'")
    let store = OriginalsAnnotation(APIClient(connection: connection))
    #expect(store.original(of: pod) == original)
    pod.metadata.annotations[OriginalsAnnotation.key] = "lots"
    #expect(store.original(of: pod) == nil)
  }
}
