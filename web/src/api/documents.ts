/** What the API answers: kinds of resources from its OpenAPI document; what that leaves open is written here. */

import type { components } from "./schema";

type Schemas = components["schemas"];
interface Identity {
  Id: string;
  SpaceId: string;
  Links: Record<string, string>;
}
type Resource<K extends keyof Schemas> = Schemas[K] & Identity;

export type Environment = Resource<"Environment">;
export type Project = Resource<"Project"> & { VariableSetId: string; DeploymentProcessId: string };
export type Channel = Resource<"Channel">;
export type Lifecycle = Resource<"Lifecycle">;
export type Space = Resource<"Space">;
export type WorkerPool = Resource<"WorkerPool">;
interface FoundOut {
  HealthStatus: string;
  StatusSummary: string;
  OperatingSystem: string;
  Architecture: string;
  ContainerEngine?: string;
  HealthLastChecked?: string | null;
  Confinement?: string;
}
export type Worker = Resource<"Worker"> & FoundOut;
export type Target = Resource<"Target"> & FoundOut;

export interface Page<T> {
  Items: T[];
  TotalResults: number;
}

export interface Root {
  InstallationId: string;
  Version: string;
  ProductVersion: string;
}

export interface User {
  Id: string;
  Username: string;
  DisplayName: string;
  EmailAddress: string | null;
  IsActive: boolean;
  IsService: boolean;
}

export interface Task {
  Id: string;
  SpaceId: string;
  Name: string;
  Description: string;
  Arguments: Record<string, unknown>;
  State: string;
  IsCompleted: boolean;
  FinishedSuccessfully: boolean;
  QueueTime: string | null;
  StartTime: string | null;
  CompletedTime: string | null;
  Duration: string;
  ErrorMessage: string;
  HasPendingInterruptions: boolean;
  HasWarningsOrErrors: boolean;
  CanRerun: boolean;
  ServerNode: string | null;
  ProjectId: string | null;
  QueuedBy: string | null;
  LogPosition: number;
}

export interface TaskNode {
  Id: string;
  Name: string;
  Status: string;
  Started: string | null;
  Ended: string | null;
  ProgressPercentage: number;
  ProgressMessage: string;
  Children: TaskNode[];
  MachineId?: string;
  Confinement?: string;
  ExitCode?: number | null;
}

export interface TaskDetails {
  Task: Task;
  ActivityLogs: TaskNode[];
  Progress: { ProgressPercentage: number };
}

export interface Waiting {
  IsWaiting: boolean;
  Kind: string | null;
  Reason: string;
  WaitsForTaskId: string | null;
  Workers: { WorkerId: string; Name: string; Reason: string }[];
}

export interface Interruption {
  Id: string;
  Title: string;
  Type: string;
  Created: string;
  IsPending: boolean;
  TaskId: string;
  ResponsibleUserId: string | null;
  HasResponsibility: boolean;
  Form: {
    Elements: {
      Name: string;
      Control: { Type: string; Text?: string; Label?: string; Buttons?: { Text: string; Value: string }[] };
    }[];
  };
}

export interface DashboardItem {
  Id: string;
  ProjectId: string;
  EnvironmentId: string;
  ReleaseId: string;
  ReleaseVersion: string;
  TaskId: string;
  TenantId: string | null;
  State: string;
  Created: string;
  StartTime: string | null;
  CompletedTime: string | null;
  HasPendingInterruptions: boolean;
  HasWarningsOrErrors: boolean;
  ErrorMessage: string;
  IsCompleted: boolean;
}

interface Named {
  Id: string;
  Name: string;
}

export interface Dashboard {
  Projects: (Named & { Slug: string; ProjectGroupId: string; IsDisabled: boolean })[];
  ProjectGroups: Named[];
  Environments: Named[];
  Tenants: Named[];
  Items: DashboardItem[];
}

export interface ProjectProgression {
  Environments: Named[];
  Releases: { Release: { Id: string; Version: string }; Deployments: Record<string, DashboardItem[]> }[];
}

export interface Release {
  Id: string;
  Version: string;
  ProjectId: string;
  ChannelId: string;
  Assembled: string;
  ReleaseNotes: string | null;
  SelectedPackages: { ActionName: string; PackageReferenceName?: string; Version: string }[];
}

export interface ReleaseTemplate {
  NextVersionIncrement: string;
  LastReleaseVersion: string | null;
  Packages: { ActionName: string; PackageReferenceName: string; PackageId: string; FeedId: string }[];
}

export interface LifecycleProgression {
  Phases: { Id: string; Name: string; Blocked: boolean; Progress: string; OptionalDeploymentTargets: string[]; AutomaticDeploymentTargets: string[]; Deployments: { Task: Task; Deployment: { EnvironmentId: string } }[] }[];
  NextDeployments: string[];
}

export interface DeploymentPreview {
  StepsToExecute: {
    ActionId: string;
    ActionName: string;
    ActionNumber: string;
    Roles: string[];
    Machines: { Id: string; Name: string }[];
    CanBeSkipped: boolean;
    HasNoApplicableMachines: boolean;
    UnavailableMachines: { Id: string; Name: string }[];
  }[];
  Form: { Elements: { Name: string; Control: { Name?: string; Label?: string; Description?: string; Required?: boolean } ; IsValueRequired: boolean }[] };
  UseGuidedFailureModeByDefault: boolean;
}

export interface ExecutionAnswer {
  DeploymentServerTasks: { ServerTaskId: string; DeploymentId: string }[];
}

export interface Process {
  Id: string;
  Version: number;
  Steps: ProcessStep[];
}

export interface ProcessStep {
  Id?: string;
  Name: string;
  Condition?: string;
  StartTrigger?: string;
  Properties: Record<string, string>;
  Actions: ProcessAction[];
}

export interface ProcessAction {
  Id?: string;
  Name: string;
  ActionType: string;
  IsDisabled?: boolean;
  IsRequired?: boolean;
  WorkerPoolId?: string | null;
  Environments?: string[];
  Properties: Record<string, string>;
  Packages?: { Name: string; PackageId: string; FeedId: string }[];
}

export interface Variable {
  Id: string;
  Name: string;
  Value: string | null;
  Description?: string;
  IsSensitive: boolean;
  Type: string;
  Scope: Record<string, string[]>;
  Prompt: { Label?: string; Required?: boolean } | null;
}

export interface VariableSet {
  Id: string;
  Version: number;
  Variables: Variable[];
  ScopeValues: Record<string, { Id: string; Name: string }[]>;
}

export interface FeedPackage {
  Id: string;
  PackageId: string;
  Version: string;
  FileExtension: string;
  PackageSizeBytes: number;
  Published: string;
  Hash: string;
}

export interface AuditEvent {
  Id: string;
  Category: string;
  Username: string;
  Occurred: string;
  Message: string;
  IdentityEstablishedWith: string;
  IpAddress: string | null;
  RelatedDocumentIds: string[];
  ChangeDetails: { DocumentContext: unknown; Differences: unknown };
}

export interface BuiltInWorker {
  State: string;
  Reason: string;
  IsAllowed: boolean;
}
