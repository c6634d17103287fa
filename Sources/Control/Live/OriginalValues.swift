import Autoscaling
import Foundation
import Kubernetes

/// The CPU values that a container had before we touched it.
public struct OriginalValues: Codable, Sendable, Equatable {
  public var container: String
  /// Millicores; nil where the container had none.
  public var limit: Millicores?
  public var request: Millicores?

  public init(container: String, limit: Millicores?, request: Millicores?) {
    self.container = container
    self.limit = limit
    self.request = request
  }

  /// What the specification says now.
  public init(_ pod: Pod, container: String) {
    let resources = pod.container(container)?.resources
    self.init(
      container: container, limit: resources?.limits["cpu"]?.millicores, request: resources?.requests["cpu"]?.millicores
    )
  }

  /// Whether the specification says this again.
  public func isInForce(in pod: Pod) -> Bool { OriginalValues(pod, container: container) == self }
}

/// Where originals are kept, so that a killed process leaves what the next one needs to put them back.
public protocol OriginalsStore: Sendable {
  /// For messages: `the annotation marlise/original`.
  var place: String { get }
  /// What was kept of this very pod (by its uid) by an earlier run or this one.
  func original(of pod: Pod) -> OriginalValues?
  /// Whether keeping many at once costs no more than keeping one, and no request to the server.
  var isLocal: Bool { get }
  /// Keeps them durably; returns only then. Called before the first resize of a pod, from any thread.
  func keep(_ originals: [(pod: Pod, original: OriginalValues)]) throws
  /// Forgets them: the pods have their original values again, or are gone.
  func forget(_ pods: [Pod]) throws
}

extension OriginalsStore {
  /// Of these pods, in their order, those that are to be put back, and those that have their kept values still. Whether a pod
  /// can be driven now makes no difference: the API takes a resize of one whose container does not run.
  public func kept(of pods: [Pod]) -> (touched: [(pod: Pod, original: OriginalValues)], untouched: [Pod]) {
    let kept = pods.compactMap { pod in original(of: pod).map { (pod: pod, original: $0) } }
    return (
      kept.filter { !$0.original.isInForce(in: $0.pod) },
      kept.filter { $0.original.isInForce(in: $0.pod) }.map(\.pod)
    )
  }
}

/// In an annotation of the pod itself: it lives and dies with the pod and needs no disk, but the right to patch pods.
public struct OriginalsAnnotation: OriginalsStore {
  public static let key = "marlise/original"
  public var place: String { "the pods' annotation \(Self.key)" }
  private let client: APIClient

  public init(_ client: APIClient) {
    self.client = client
  }

  public func original(of pod: Pod) -> OriginalValues? {
    guard let text = pod.metadata.annotations[Self.key] else { return nil }
    return try? JSONDecoder().decode(OriginalValues.self, from: Data(text.utf8))
  }

  public var isLocal: Bool { false }

  public func keep(_ originals: [(pod: Pod, original: OriginalValues)]) throws {
    for (pod, original) in originals {
      var request = PodNotes.annotate(pod, [Self.key: try Self.text(original)])
      request.writePatience = 0.03
      _ = try client.send(request)
    }
  }

  public func forget(_ pods: [Pod]) throws {
    var failure: ClusterError?
    for pod in pods {
      var request = PodNotes.annotate(pod, [Self.key: nil])
      // An annotation that stays would one day put back what is long out of date: worth a second's wait.
      request.writePatience = 2
      do throws(ClusterError) {
        _ = try client.send(request)
      } catch {
        // Of a pod that is gone there is none left, and the others' must go all the same.
        if error.kind != .notFound { failure = failure ?? error }
      }
    }
    if let failure { throw failure }
  }

  /// Whether the account may annotate: asked by a dry run, which changes nothing.
  public func isAllowed(on pod: Pod) throws(ClusterError) -> Bool {
    var request = PodNotes.annotate(pod, [Self.key: pod.metadata.annotations[Self.key]])
    request.query.append(.init(name: "dryRun", value: "All"))
    do throws(ClusterError) {
      _ = try client.send(request)
      return true
    } catch {
      if error.kind == .missingRight { return false }
      throw error
    }
  }

  static func text(_ original: OriginalValues) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    return String(decoding: try encoder.encode(original), as: UTF8.self)
  }
}
