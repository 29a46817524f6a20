"""The links of the two root documents: how the Go and .NET clients find nearly every path.

A query parameter that a template does not name is never sent, so the templates are part of the contract. Kinds of the
generic layer bring theirs along; the rest stands here. Source: API conventions, section 5.1.
"""

from octavo.server.operations.kinds.all_kinds import ALL_KINDS
from octavo.server.operations.resource_kinds import ResourceKind

_SYSTEM = {
    "SpaceHome": "/api/{spaceId}",
    "Users": "/api/users{/id}{?skip,take,ids,filter}",
    "CurrentUser": "/api/users/me",
    "SignIn": "/api/users/login{?returnUrl}",
    "SignOut": "/api/users/logout",
    "ServerStatus": "/api/serverstatus",
    "ServerHealthStatus": "/api/serverstatus/health",
    "CertificateConfiguration": "/api/configuration/certificates{/id}{?skip,take,ids,partialName}",
    "BuiltInWorker": "/api/builtinworker",
    "TaskTypes": "/api/tasks/tasktypes",
    "Web": "/app",
}

_TASKS = (
    "{root}/tasks{/id}{?skip,active,environment,tenant,runbook,project,name,node,running,states,"
    "hasPendingInterruptions,hasWarningsOrErrors,take,ids,partialName,spaces,includeSystem}"
)
_EVENTS = (
    "{root}/events{/id}{?skip,regarding,regardingAny,user,users,projects,projectGroups,environments,eventGroups,"
    "eventCategories,eventAgents,tags,tenants,from,to,internal,fromAutoId,toAutoId,documentTypes,asCsv,take,ids,"
    "spaces,includeSystem,excludeDifference}"
)

_IN_SPACE = {
    "Tasks": _TASKS,
    "Events": _EVENTS,
    "EventAgents": "{root}/events/agents",
    "EventCategories": "{root}/events/categories{?appliesTo}",
    "EventDocumentTypes": "{root}/events/documenttypes",
    "EventGroups": "{root}/events/groups{?appliesTo}",
    "EnvironmentSortOrder": "{root}/environments/sortorder",
    "EnvironmentsSummary": "{root}/environments/summary{?ids,partialName,machinePartialName,roles,isDisabled,"
    "healthStatuses,commStyles,tenantIds,tenantTags,hideEmptyEnvironments,shellNames}",
    "WorkerPoolsDynamicWorkerTypes": "{root}/workerpools/dynamicworkertypes",
    "WorkerPoolsSortOrder": "{root}/workerpools/sortorder",
    "WorkerPoolsSummary": "{root}/workerpools/summary{?ids,partialName,machinePartialName,isDisabled,healthStatuses,"
    "commStyles,hideEmptyWorkerPools,shellNames}",
    "WorkerPoolsSupportedTypes": "{root}/workerpools/supportedtypes",
    "DiscoverWorker": "{root}/workers/discover{?host,port,type,proxyId}",
    "WorkerOperatingSystems": "{root}/workers/operatingsystem/names/all",
    "WorkerShells": "{root}/workers/operatingsystem/shells/all",
    "DiscoverMachine": "{root}/machines/discover{?host,port,type,proxyId}",
    "MachineRoles": "{root}/machineroles/all",
    "MachineOperatingSystems": "{root}/machines/operatingsystem/names/all",
    "MachineShells": "{root}/machines/operatingsystem/shells/all",
    "MachinePolicyTemplate": "{root}/machinepolicies/template",
    "TagSetSortOrder": "{root}/tagsets/sortorder",
    "Packages": "{root}/packages{/id}{?nuGetPackageId,filter,latest,skip,take,includeNotes}",
    "PackagesBulk": "{root}/packages/bulk{?ids}",
    "PackageUpload": "{root}/packages/raw{?replace,overwriteMode}",
    "PackageDeltaSignature": "{root}/packages/{packageId}/{version}/delta-signature",
    "PackageDeltaUpload": "{root}/packages/{packageId}/{baseVersion}/delta{?replace,overwriteMode}",
    "BuildInformation": "{root}/build-information{/id}{?packageId,filter,latest,skip,take,overwriteMode}",
    "BuildInformationBulk": "{root}/build-information/bulk{?ids}",
    "TenantVariables": "{root}/tenantvariables/all{?projectId}",
    "TenantsMissingVariables": "{root}/tenants/variables-missing{?tenantId,projectId,environmentId,includeDetails}",
    "TenantsStatus": "{root}/tenants/status",
    "TenantTagTest": "{root}/tenants/tag-test{?tenantIds,tags}",
    "Artifacts": "{root}/artifacts{/id}{?skip,take,regarding,ids,partialName,order}",
    "Interruptions": "{root}/interruptions{/id}{?skip,take,regarding,pendingOnly,ids}",
    "Releases": "{root}/releases{/id}{?skip,ignoreChannelRules,take,ids}",
    "Deployments": "{root}/deployments{/id}{?skip,take,ids,projects,environments,tenants,channels,taskState,"
    "partialName}",
    "RunbookSnapshots": "{root}/runbookSnapshots{/id}{?skip,take,ids,publish}",
    "RunbookRuns": "{root}/runbookRuns{/id}{?skip,take,ids,projects,environments,tenants,runbooks,taskState,"
    "partialName}",
    "Dashboard": "{root}/dashboard{?projectId,releaseId,selectedTenants,selectedTags,showAll,"
    "highestLatestVersionPerProjectAndEnvironment}",
    "DashboardDynamic": "{root}/dashboard/dynamic{?projects,environments,includePrevious}",
    "DeploymentProcesses": "{root}/deploymentprocesses{/id}{?skip,take,ids}",
    "RunbookProcesses": "{root}/runbookProcesses{/id}{?skip,take,ids}",
    "Variables": "{root}/variables{/id}{?ids}",
    "VariableNames": "{root}/variables/names{?project,runbook,projectEnvironmentsFilter}",
    "VariablePreview": "{root}/variables/preview{?project,runbook,environment,channel,tenant,action,machine,role}",
}


def server_links(default_space_id: str) -> dict[str, str]:
    """The links of `GET /api`: the system's, and the default space's for clients that name no space."""
    kinds = {_link_name(kind): _template("/api", kind) for kind in ALL_KINDS if not kind.is_in_space}
    mixed = {"Tasks": _TASKS.replace("{root}", "/api"), "Events": _EVENTS.replace("{root}", "/api")}
    return {**space_links(default_space_id), **_SYSTEM, **kinds, **mixed, "Self": "/api"}


def space_links(space_id: str) -> dict[str, str]:
    """The links of `GET /api/{space}`."""
    root = f"/api/{space_id}"
    kinds = {_link_name(kind): _template(root, kind) for kind in ALL_KINDS if kind.is_in_space}
    return {"Self": root, **{name: link.replace("{root}", root) for name, link in _IN_SPACE.items()}, **kinds}


def _link_name(kind: ResourceKind) -> str:
    return kind.root_link or kind.id_prefix


def _template(root: str, kind: ResourceKind) -> str:
    return f"{root}/{kind.path}{{/id}}{{?{kind.list_parameters}}}"
