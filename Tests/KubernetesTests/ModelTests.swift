import Foundation
import Testing

@testable import Kubernetes

@Suite("API objects")
struct ModelTests {
  @Test("a list of pods is read with everything the resizer needs")
  func podList() throws {
    let list = try Fixture.load("pods/list").decode(PodList.self)
    #expect(list.items.map(\.metadata.name) == ["localization-api1", "localization-api2", "localization-api3"])
    let pod = list.items[0]
    #expect(pod.key == "default/localization-api1")
    #expect(pod.status.qosClass == "Guaranteed")
    #expect(pod.status.phase == "Running")
    #expect(pod.spec.nodeName == "node-a")
    #expect(pod.container("localization-api")?.resources?.limits["cpu"]?.millicores == 500)
    #expect(pod.containerStatus("localization-api")?.resources?.limits["memory"]?.units == 128 << 20)
    #expect(pod.containerStatus("localization-api")?.allocatedResources["cpu"]?.millicores == 500)
    #expect(pod.containerStatus("localization-api")?.isRunning == true)
    #expect(pod.containerStatus("localization-api")?.runtimeID.count == 64)
    #expect(list.metadata.continue.isEmpty)
    #expect(!list.metadata.resourceVersion.isEmpty)
  }

  @Test("every recorded pod is read, and the same after being written and read again")
  func everyPod() throws {
    struct Kind: Decodable { var kind: String? }
    var count = 0
    for folder in ["pods", "resize", "more", "pending", "quota", "errors"] {
      for file in try FileManager.default.contentsOfDirectory(
        atPath: Fixture.folder.appendingPathComponent(folder).path)
      {
        let fixture = try Fixture.load("\(folder)/\(file.dropLast(5))")
        guard (try? fixture.decode(Kind.self))?.kind == "Pod" else { continue }
        let pod = try fixture.decode(Pod.self)
        #expect(try JSONDecoder().decode(Pod.self, from: JSONEncoder().encode(pod)) == pod)
        #expect(!pod.metadata.uid.isEmpty)
        count += 1
      }
    }
    #expect(count > 40)
  }

  @Test("an empty list has no items, a page has a token")
  func pages() throws {
    #expect(try Fixture.load("pods/list-empty").decode(PodList.self).items.isEmpty)
    let page = try Fixture.load("pods/list-page-1").decode(PodList.self)
    #expect(page.items.count == 2)
    #expect(!page.metadata.continue.isEmpty)
    #expect(try Fixture.load("pods/list-page-2").decode(PodList.self).items.count == 1)
  }

  @Test("conditions of a resize are read")
  func conditions() throws {
    let infeasible = try Fixture.load("pending/infeasible-pod").decode(Pod.self)
    #expect(infeasible.status.condition("PodResizePending")?.reason == "Infeasible")
    #expect(infeasible.status.condition("PodResizePending")?.observedGeneration == 2)
    let error = try Fixture.load("more/memory-below-use-pod").decode(Pod.self)
    #expect(error.status.condition("PodResizeInProgress")?.reason == "Error")
    #expect(error.status.condition("PodResizePending") == nil)
  }

  @Test("a node tells its room and where its kubelet is")
  func node() throws {
    let node = try Fixture.load("node/node").decode(Node.self)
    #expect(node.isReady)
    #expect(node.status?.allocatable["cpu"]?.millicores == 2000)
    #expect(node.kubeletAddress == "192.0.2.2:10250")
    #expect(node.status?.nodeInfo?.kubeletVersion == "v1.36.2")
  }

  @Test("a quota tells what is left")
  func quota() throws {
    let quota = try Fixture.load("quota/resource-quota-object").decode(ResourceQuota.self)
    #expect(quota.cpuLeft("limits.cpu") == 0)
    #expect(quota.cpuLeft("requests.cpu") == 0)
    #expect(quota.cpuLeft("limits.memory") == nil)
  }

  @Test("a lease keeps its microseconds")
  func lease() throws {
    let lease = try Fixture.load("lease/get-200").decode(Lease.self)
    #expect(lease.spec.holderIdentity == "marlise-1")
    let written = try JSONDecoder().decode(Lease.self, from: JSONEncoder().encode(lease))
    #expect(written == lease)
    let whole = Lease(
      metadata: ObjectMetadata(name: "marlise"),
      spec: .init(
        holderIdentity: "a", leaseDurationSeconds: 15, acquireTime: nil, renewTime: Timestamp(seconds: 0),
        leaseTransitions: 0))
    #expect(String(decoding: try JSONEncoder().encode(whole), as: UTF8.self).contains("1970-01-01T00:00:00.000000Z"))
  }

  @Test("an event reads as the server stored it, and ours says the same")
  func event() throws {
    let stored = try Fixture.load("events/create-201").decode(Event.self)
    #expect(stored.reason == "Resized")
    #expect(stored.count == 1)
    var pod = Pod(metadata: ObjectMetadata(name: "localization-api1", namespace: "default"), spec: PodSpec())
    pod.metadata.uid = stored.involvedObject.uid
    var ours = Event(
      about: pod, reason: "Resized", message: "CPU limit 500m -> 250m",
      at: try #require(Timestamp("2026-11-23T22:11:11.5Z")), instance: "marlise-1")
    ours.metadata = stored.metadata
    #expect(ours == stored)
  }

  @Test("discovery lists the resize subresource, version is a number")
  func discovery() throws {
    let resources = try Fixture.load("discovery/api-v1").decode(APIResourceList.self).resources
    #expect(resources.first { $0.name == "pods/resize" }?.verbs == ["get", "patch", "update"])
    #expect(try Fixture.load("discovery/version").decode(VersionInfo.self).minorNumber == 36)
    #expect(VersionInfo(major: "1", minor: "28+").minorNumber == 28)
    #expect(VersionInfo(major: "1", minor: "").minorNumber == nil)
  }

  @Test("a failure's status is read, causes included")
  func status() throws {
    let status = try Fixture.load("pending/above-allocatable-403").decode(APIStatus.self)
    #expect(status.reason == "Forbidden")
    #expect(status.details?.causes.map(\.reason) == ["NodeCapacity"])
    #expect(
      try Fixture.load("pods/list-resource-version-too-large-504").decode(APIStatus.self).details?.retryAfterSeconds
        == 1)
    #expect(
      try Fixture.load("pods/list-continue-expired-410").decode(APIStatus.self).metadata?.continue.isEmpty == false)
  }

  @Test("watch lines are told apart")
  func watch() throws {
    let events = try Fixture.load("watch/initial-events").lines().map {
      try JSONDecoder().decode(PodEvent.self, from: $0)
    }
    #expect(events.count == 4)
    #expect(events[3] == .bookmark(resourceVersion: "365", endsInitial: true))
    let gone = try JSONDecoder().decode(PodEvent.self, from: Fixture.load("watch/error-410-gone").lines()[0])
    guard case .error(let status) = gone else {
      Issue.record("expected an error, got \(gone)")
      return
    }
    #expect(status.code == 410)
  }

  @Test("lines come out whole, however the chunks fall", arguments: [1, 2, 3, 7, 4096])
  func lines(size: Int) throws {
    let text = "one\n\ntwo and a half\r\nthree\nrest"
    var splitter = LineSplitter()
    var lines: [String] = []
    let bytes = Array(text.utf8)
    for start in stride(from: 0, to: bytes.count, by: size) {
      let isFine = bytes[start..<min(start + size, bytes.count)].withUnsafeBufferPointer { chunk in
        splitter.feed(chunk) { lines.append(String(decoding: $0, as: UTF8.self)) }
      }
      #expect(isFine)
    }
    #expect(lines == ["one", "two and a half\r", "three"])
  }

  @Test("a line without end is refused at the maximum")
  func longLine() {
    var splitter = LineSplitter()
    splitter.lineLengthMaximum = 10
    let isFine = Array("01234567890".utf8).withUnsafeBufferPointer { splitter.feed($0) { _ in } }
    #expect(!isFine)
  }

  @Test("the workload behind a pod is named")
  func workload() {
    var pod = Pod(metadata: ObjectMetadata(name: "web-5d4f-x2x"), spec: PodSpec())
    #expect(pod.workload == "Pod/web-5d4f-x2x")
    pod.metadata.ownerReferences = [OwnerReference(kind: "ReplicaSet", name: "web-5d4f", controller: true)]
    #expect(pod.workload == "ReplicaSet/web-5d4f")
    pod.metadata.labels["pod-template-hash"] = "5d4f"
    #expect(pod.workload == "Deployment/web")
  }
}
