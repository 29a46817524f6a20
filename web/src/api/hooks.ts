/** Reading and changing from components. A query's key is its address, so the same question is asked once. */

import { keepPreviousData, useMutation, useQuery, useQueryClient, type UseQueryResult } from "@tanstack/react-query";
import { ApiError, send, type ApiCall } from "./client";

export interface ReadOptions {
  /** Ask again this often while the page is seen. */
  readonly every?: number | false;
  readonly enabled?: boolean;
  /** Keep showing the previous answer while another page of it loads. */
  readonly keep?: boolean;
}

/** The answer to a GET, kept fresh. */
export function useRead<T>(call: ApiCall, options: ReadOptions = {}): UseQueryResult<T, ApiError> {
  return useQuery<T, ApiError>({
    queryKey: [call.url],
    queryFn: ({ signal }) => send<T>(call, signal),
    refetchInterval: options.every ?? false,
    enabled: options.enabled ?? true,
    ...(options.keep ? { placeholderData: keepPreviousData } : {}),
  });
}

/** Sends changes; everything that is shown is asked for again afterwards. */
export function useSend<T = unknown>(done?: (answer: T) => void) {
  const client = useQueryClient();
  return useMutation<T, ApiError, ApiCall>({
    mutationFn: (call) => send<T>(call),
    onSuccess: async (answer) => {
      done?.(answer);
      await client.invalidateQueries();
    },
  });
}
