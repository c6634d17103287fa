import Autoscaling
import Foundation
import HTTPServer
import Kubernetes
import PodSimulation
import Testing

@testable import ClusterEmulator

/// Emulated clusters for tests, asked without a socket.
enum Emulated {
  /// Virtual time, constant load.
  static func configuration(
    pods: [PodTemplate], limit: Millicores = 500, seed: UInt64 = 1
  ) throws -> EmulatorConfiguration {
    var parameters = PodParameters()
    parameters.limit = limit
    let count = max(pods.compactMap(\.simulated).map { $0 + 1 }.max() ?? 1, 1)
    let simulation = PodClusterConfiguration(pods: Array(repeating: parameters, count: count), seed: seed)
    var configuration = EmulatorConfiguration(
      pods: pods, simulation: simulation, workload: try Workload(WorkloadSettings("constant", mean: 10, minimum: 1)))
    configuration.clock = .virtual
    configuration.nodeCPU = 2000
    configuration.nodeMemory = 24_581_696 << 10
    return configuration
  }

  /// A pod as in the recorded exchanges.
  static func pod(
    _ name: String, cpu: (limit: String, request: String),
    memory: (limit: String, request: String) = ("128Mi", "128Mi"),
    namespace: String = "default", simulated: Int? = nil
  ) throws -> PodTemplate {
    var limits = ["memory": try Quantity(memory.limit)]
    var requests = ["memory": try Quantity(memory.request)]
    if !cpu.limit.isEmpty { limits["cpu"] = try Quantity(cpu.limit) }
    if !cpu.request.isEmpty { requests["cpu"] = try Quantity(cpu.request) }
    var pod = PodTemplate(name, containers: [.init("localization-api", limits: limits, requests: requests)])
    pod.labels = ["app": "localization-api"]
    pod.namespace = namespace
    pod.simulated = simulated
    return pod
  }

  static let patch = "application/strategic-merge-patch+json"
}

extension EmulatedCluster {
  struct Answer {
    var status: Int
    var headers: [String: String]
    var json: JSON
    var text: String
  }

  func send(
    _ method: String, _ target: String, _ body: String = "", type: String = Emulated.patch, token: String? = nil,
    accept: String = "application/json"
  ) throws -> Answer {
    var headers = ["accept": accept, "content-type": type]
    if let token { headers["authorization"] = "Bearer " + token }
    guard case .now(let response) = answer(ServerRequest(method, target, headers: headers, body: Array(body.utf8))),
      case .bytes(let bytes) = response.body
    else { throw POSIXError(.EPROTO) }
    var named: [String: String] = [:]
    for header in response.headers { named[header.name.lowercased()] = header.value }
    return Answer(
      status: response.status, headers: named, json: (try? JSON(parsing: bytes)) ?? .null,
      text: String(decoding: bytes, as: UTF8.self))
  }

  /// A watch's stream, to be read by `lines`.
  func watch(_ target: String, token: String? = nil) throws -> ResponseStream {
    let headers = token.map { ["authorization": "Bearer " + $0] } ?? [:]
    guard case .now(let response) = answer(ServerRequest("GET", target, headers: headers)),
      case .stream(let stream) = response.body
    else { throw POSIXError(.EPROTO) }
    return stream
  }
}

func resizeBody(_ container: String = "localization-api", cpu: (limit: String, request: String?)) -> String {
  let requests = cpu.request.map { "\"requests\":{\"cpu\":\"\($0)\"}," } ?? ""
  return
    "{\"spec\":{\"containers\":[{\"name\":\"\(container)\",\"resources\":{\(requests)\"limits\":{\"cpu\":\"\(cpu.limit)\"}}}]}}"
}
